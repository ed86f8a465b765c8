// Roundings of single steps on lanes: any of core/cpu/rounded_plan.h's, and sums rounded to odd before them (core/cpu/rounded_odd.h).
#pragma once

#include <taper/core/cpu/rounded_plan.h>
#include <taper/cuda/element_io.h>

#if defined(__CUDACC__)
#include <cuda_fp16.h>
#endif

namespace taper::cuda {

// fp16 by the hardware's conversions.
struct HalfRound {
    HalfRound() = default;
    TAPER_FN float operator()(float x) const {
#if defined(__CUDA_ARCH__)
        return __half2float(__float2half_rn(x));
#else
        return MinifloatRound<float>(Minifloat{5, 10})(x);
#endif
    }
};

// A rounding chosen where it runs, by a branch that all threads take alike.
template <class Real>
struct AnyRound {
    LaneRound<Real> round;
    TAPER_FN Real operator()(Real x) const {
        switch (round.kind) {
            case RoundKind::posit: return round.posit(x);
            case RoundKind::minifloat: return round.minifloat(x);
            case RoundKind::fixed: return round.fixed(x);
            default: break;
        }
        if constexpr (sizeof(Real) == 4) {
            if (round.kind == RoundKind::narrowed) return round.narrowed(x);
            if (round.kind == RoundKind::half) return HalfRound()(x);
        }
        return x;  // none
    }
};

// Exact, or the neighbour with an odd last bit: a number with the sign of exact - nearest is `error`.
template <class Real>
TAPER_FN Real to_odd(Real nearest, Real error) {
    using UInt = typename Lane<Real>::UInt;
    const UInt bits = bits_as<UInt>(nearest), toward_zero = bits + LaneOps<Real>::all_ones_if_negative(bits_as<UInt>(error) ^ bits);
    return bits_as<Real>(error < 0 || error > 0 ? toward_zero | 1 : bits);
}
template <class Real>
TAPER_FN Real odd_sum(Real s, Real p) {
    const Real t = s + p, grown = t - s;
    return to_odd(t, (s - (t - grown)) + (p - grown));
}
// a b + s; a b must be exact.
template <class Real>
TAPER_FN Real odd_fused(Real a, Real b, Real s) {
    const Real t = fused(a, b, s), grown = t - s;
    return to_odd(t, (s - (t - grown)) + fused(a, b, -grown));
}

}  // namespace taper::cuda
