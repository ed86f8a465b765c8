// The innermost loops of exact sums, compiled once per CPU level (exact_kernels.cpp).
// A tile is `height` lines of the left side by one panel of 2 lanes() lines of the right; its sums lie row by row, [height][2 lanes].
#pragma once

#include <cstdint>

#include <taper/formats/cpu_level.h>

namespace taper {

// to[i][j] = from[i][j] + sum_k a[k][i] b[k][j], k ascending.  In the inexact flag alone it shows whether a rounding was inexact.
// The kernels of floats and of integers take panels of b twice as wide, two panels' sums: the second ones `from_panel` and `to_panel` further on.
template <class Element>
struct SumTile {
    std::int64_t terms;
    const Element* a;
    std::int64_t a_stride;
    const Element* b;
    const double* from;
    std::int64_t from_panel;
    double* to;
    std::int64_t to_panel;
};

// to[i][j] = from[i][j] + unit sum_k a[k][i] b[k][j] of 16-bit integers, two of consecutive k in each element, the first one in the low half;
// `chunk` elements are summed in 32 bits.
struct PairTile {
    SumTile<std::int32_t> tile;
    std::int64_t chunk;
    double unit;
};

// The same sums with b where it lies, unpacked: column c of term k at values[term[k] + c], for each vector of columns from up to piece_limit places.
// Lanes of vector v in columns[v][p] are read from values + term[k] + offset[v][p]; a piece without lanes has the offset of another.
struct UnpackedTile {
    static constexpr int piece_limit = 3;
    SumTile<double> tile;  // but for b
    const double* values;
    const std::int64_t* term;
    std::int64_t offset[2][piece_limit];
    std::uint8_t columns[2][piece_limit];
};

// A value is an integer times 2^lowest; cut into slices of slice_bits bits, signed, it is sum_s to[s * step + i] 2^(lowest + s slice_bits).
constexpr int slice_bits = 20;
constexpr int slice_limit = 64;
struct Slicing {
    int slices = 0;
    int lowest = 0;
};

struct ExactKernels {
    static constexpr int rows_limit = 14;
    template <class Element>
    using TileKernel = void (*)(const SumTile<Element>&);

    int rows;                                                         // of the largest tile
    int lanes;                                                        // doubles in a vector
    TileKernel<double> narrow[rows_limit + 1], wide[rows_limit + 1];  // [rows of the tile]; narrow: only the first `lanes` columns
    TileKernel<float> floats[rows_limit + 1];
    void (*pairs[rows_limit + 1])(const PairTile&);
    void (*unpacked[UnpackedTile::piece_limit + 1][rows_limit + 1])(const UnpackedTile&);  // [pieces]; null where the level has no masked loads

    // to[k / 2 * width + i] = both integers panel[k * width + i] scale of an even k and the next one; terms beyond the last are 0.
    // Returns the largest magnitude, at least 2^31 - 1 where a value is not finite.  Reads and writes up to 2 lanes elements too far.
    std::int32_t (*pair_up)(const float* panel, std::int64_t terms, std::int64_t width, float scale, std::int32_t* to);
    // Below, n is a multiple of 2 lanes.
    // Returns a bit for each slice that is not all zero.
    std::uint64_t (*slice)(const double* values, std::int64_t n, const Slicing& slicing, double* to, std::int64_t step);
    // to = a + b
    void (*add)(const double* a, const double* b, std::int64_t n, double* to);
    // limb += x, integers below 2^51.
    void (*add_integers)(const double* x, std::int64_t n, std::int64_t* limb);
    // Moves what limb s holds beyond slice_bits bits on to limb s + 1; all but the last become nonnegative.
    void (*carry)(std::int64_t* limbs, std::int64_t n, int count);
    // to = sum_s limbs[s][i] 2^(lowest + s slice_bits) rounded to odd (formats/lane.h), of carried limbs; x[i] stays where it is not finite.
    void (*round_to_odd)(const std::int64_t* limbs, std::int64_t n, const Slicing& slicing, double* x);
    // to = x rounded to odd in float32, but finite x between 2^-126 and float32's largest value in magnitude, where not 0.
    void (*odd_floats)(const double* x, std::int64_t n, float* to);
    // Any NaN becomes the one of the formats.
    void (*canonical_nan)(double* x, std::int64_t n);
};

namespace plain {
const ExactKernels& exact_kernels();
}
namespace avx2 {
const ExactKernels& exact_kernels();
}
namespace avx512 {
const ExactKernels& exact_kernels();
}

// Those of this machine's level.
const ExactKernels& exact_kernels();

}  // namespace taper
