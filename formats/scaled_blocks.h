// Constant scales around the array kernels, which know elements only: blocks of values are multiplied by a power of two before or behind them.
#pragma once

#include <cmath>
#include <cstdlib>
#include <limits>

#include <taper/formats/convert_kernels.h>
#include <taper/formats/format.h>

namespace taper {

inline constexpr std::size_t scaled_block = 512;  // values scaled at a time, on the stack

template <class Real>
void multiply(Real* y, std::size_t n, Real factor) {
    for (std::size_t i = 0; i < n; ++i) y[i] *= factor;
}

// Do float32's products with 2^k of the scale, and its rounding of them, leave the rounding into the element as it is?  Then all that decides one
// lies among its normal numbers.
inline bool scaled_in_float(const Format& element, int k) {
    return std::abs(k) <= 126 && element.exact_in_float32() && element.max_exponent() <= 126 && element.min_exponent() >= -124;
}

// y = x times a power of two; no finite x becomes infinite, none but 0 becomes 0: the element has no decision point out there.
template <class Real, class In>
void scale_block(const In* x, std::size_t n, Real factor, Real* y) {
    using Limits = std::numeric_limits<Real>;
    for (std::size_t i = 0; i < n; ++i) {
        const Real v = static_cast<Real>(x[i]), product = v * factor;
        const Real magnitude = std::fabs(product);
        const bool lost = magnitude == 0 && v != 0, overflown = magnitude > Limits::max() && std::fabs(v) <= Limits::max();
        y[i] = lost ? std::copysign(Limits::min(), v) : overflown ? std::copysign(Limits::max(), v) : product;
    }
}

// Encodes blocks of x / scale by a kernel that reads Real.
template <class Real, class In>
void encode_scaled(const KernelFamily& family, EncodeKernel kernel, const Format& format, const In* x, std::size_t n, void* codes) {
    Real block[scaled_block];
    for (std::size_t begin = 0; begin < n; begin += scaled_block) {
        const std::size_t count = n - begin < scaled_block ? n - begin : scaled_block;
        scale_block(x + begin, count, power_of_two<Real>(-format.scale_exponent()), block);
        kernel(family, block, count, static_cast<char*>(codes) + begin * static_cast<std::size_t>(format.storage_bytes()));
    }
}

}  // namespace taper
