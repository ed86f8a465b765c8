// The table of array kernels that convert_kernels.cpp defines once per CPU level, and what they are given: plain data only.
#pragma once

#include <cstddef>
#include <cstdint>

#include <taper/formats/cpu_level.h>
#include <taper/formats/fixed.h>
#include <taper/formats/minifloat.h>
#include <taper/formats/posit.h>

namespace taper {

// The values of the 256 codes of a format of at most 8 bits.  Such values have at most 8 significant bits and float32 exponents, so
// the low half of each float is zero and two byte planes hold the rest: what byte permutes look up.
struct alignas(64) ValueTable {
    float value[256];
    std::uint8_t high[256], low[256];  // bits 31..24 and 23..16 of value
    bool mirrored = false;  // values of 8-bit codes c and 256 - c differ in the sign alone, for c in [1, 127]
};

// The parameters of one format; the member of its family is set.
struct KernelFamily {
    Posit posit;
    Minifloat minifloat;
    Fixed fixed;
    const ValueTable* table = nullptr;  // for KernelKind::table
};

enum class KernelKind {
    posit_narrow,  // float32 lanes: top() <= 126, n <= 31 to encode, significand_bits() <= 24 to decode
    posit_wide,    // float64 lanes
    minifloat,     // to decode: Specials::ieee
    fixed,
    e8m0,   // encode alone
    table,  // decode alone
};
constexpr int kernel_kinds = 6;

// x: float or double; codes: 1, 2 or 4 bytes each.
using EncodeKernel = void (*)(const KernelFamily& family, const void* x, std::size_t n, void* codes);
using DecodeKernel = void (*)(const KernelFamily& family, const void* codes, std::size_t n, void* y);

struct ConvertKernels {
    EncodeKernel encode[kernel_kinds][2][2][3];  // [kind][from float, double][nearest, zero][1, 2, 4 bytes]; null where there is none
    DecodeKernel decode[kernel_kinds][2][3];     // [kind][to float, double][1, 2, 4 bytes]
    std::size_t (*count_nan)(const float* x, std::size_t n);
};

namespace plain {
const ConvertKernels& convert_kernels();
}
namespace avx2 {
const ConvertKernels& convert_kernels();
}
namespace avx512 {
const ConvertKernels& convert_kernels();
}

}  // namespace taper
