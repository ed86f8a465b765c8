// The innermost loops of sums that are rounded at every step, compiled once per CPU level (rounded_kernels.cpp).
// A lane computes in Real (float or double), which must hold every product; sums are values of the format that they are rounded into.
#pragma once

#include <cstdint>

#include <taper/formats/cpu_level.h>
#include <taper/formats/round_lane.h>

namespace taper {

enum class RoundKind : std::uint8_t { none, posit, minifloat, fixed, narrowed, half };  // the last two: of float lanes alone; half: not at the plain level
constexpr int round_kinds = 6;

// What can be known of posit sums in float lanes before they are formed: that none but 0 is as small as the lane's lowest numbers (any), and
// moreover that none is 32 regimes from one that has fraction bits (near_one).
enum class Guessing : std::uint8_t { none, any, near_one };
constexpr int guessings = 3;

// One rounding on lanes; the member of its kind is set.
template <class Real>
struct LaneRound {
    RoundKind kind = RoundKind::none;
    PositRound<Real> posit = {};
    MinifloatRound<Real> minifloat = {};
    NarrowedRound narrowed = {};
    FixedRound<Real> fixed = {};
};

// Terms k ascending of a tile of sums:  left[k * rows + i], right[k * columns + j], sum[i * columns + j], columns = vectors * lanes; vectors is 1, 2 or 4.
template <class Real>
struct RoundTile {
    std::int64_t terms, rows, vectors;
    const Real *left, *right;
    Real *sum, *other;  // other: e of a compensated sum; what add() adds
};

// r rounds to nearest.
template <class Real>
struct RoundedKernels {
    using Kernel = void (*)(const LaneRound<Real>&, const RoundTile<Real>&);

    int lanes;
    Kernel fused[round_kinds];        // s <- r(a b + s), of the exact a b + s
    Kernel in_lane[round_kinds];      // s <- r(fma(a, b, s)), the fma in Real
    Kernel compensated[round_kinds];  // y <- r(a b - e); t <- r(s + y); e <- r(r(t - s) - y); s <- t
    Kernel product[round_kinds];      // s <- r(a b)
    Kernel add[round_kinds];          // s <- r(s + other), of the exact sum; no terms
    // The first two of posits, faster; false, and the sums are spoilt, where a sum came to lie where the posit has no fraction bit.
    using Guess = bool (*)(const LaneRound<Real>&, const RoundTile<Real>&);
    Guess guess_fused[guessings], guess_in_lane[guessings];
};

namespace plain {
const RoundedKernels<float>& rounded_kernels_float();
const RoundedKernels<double>& rounded_kernels_double();
}  // namespace plain
namespace avx2 {
const RoundedKernels<float>& rounded_kernels_float();
const RoundedKernels<double>& rounded_kernels_double();
}  // namespace avx2
namespace avx512 {
const RoundedKernels<float>& rounded_kernels_float();
const RoundedKernels<double>& rounded_kernels_double();
}  // namespace avx512

}  // namespace taper
