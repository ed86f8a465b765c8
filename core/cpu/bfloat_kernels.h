// The innermost loops of sums of products on machines that multiply bfloat16 values in pairs: vdpbf16ps, a float32 sum of two products a lane.
// Compiled for one level of its own (bfloat_kernels.cpp) above avx512.
#pragma once

#include <cstdint>

#include <taper/core/cpu/product_kernels.h>
#include <taper/formats/format.h>

namespace taper {

using Bfloat = std::uint16_t;  // the upper half of a float32

// Two terms of a sum, k and k + 1; the second is 0 beyond the last term.
struct BfloatPair {
    Bfloat first, second;
};

// The values of the 256 codes of a format of at most 8 bits, as byte permutes look them up.
struct alignas(64) BfloatTable {
    std::uint8_t high[256], low[256];

    explicit BfloatTable(const Format& format);
};

struct BfloatKernels {
    ProductKernels<BfloatPair> product;  // tiles and packing; k counts pairs
    // dot[rows]: as in ProductKernels, a multiple of dot_lanes elements long.
    void (*dot[ProductKernels<Bfloat>::dot_rows_limit + 1])(const DotTile<Bfloat>&);
    int dot_lanes;
    RowCopy<Bfloat> move_rows;

    // values[i] = value of codes[i], i in [0, n); a 0 follows if n is odd.
    void (*decode)(const BfloatTable& table, const std::uint8_t* codes, std::int64_t n, Bfloat* values);
    // pairs[i] = values of first[i] and of second[i], or 0 where `second` is null, i in [0, n).
    void (*decode_pairs)(const BfloatTable& table, const std::uint8_t* first, const std::uint8_t* second, std::int64_t n, BfloatPair* pairs);
    // pairs[c / 2 * area + t] = values of codes[c * area + t] and codes[(c + 1) * area + t], c even, t in [0, area): kernels of neighbouring channels.
    void (*decode_channels)(const BfloatTable& table, const std::uint8_t* codes, std::int64_t channels, std::int64_t area, BfloatPair* pairs);
};

namespace avx512_bf16 {
const BfloatKernels& bfloat_kernels();
}

// The kernels, if this machine and this build have them, cpu_level() is avx512, and they sum products of the two formats as float32 does.
// vdpbf16ps takes and gives zeros for denormals.  So: both formats have at most 8 bits and lie in bfloat16; every product, hence every sum of
// products, is a multiple of 2^-126; and no product comes near float32's largest value.  Code 0 is 0 in both: it fills up pairs.  Else null.
const BfloatKernels* bfloat_kernels(const Format& a, const Format& b);

}  // namespace taper
