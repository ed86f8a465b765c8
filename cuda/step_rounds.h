// Roundings of single steps on lanes: any of core/cpu/rounded_plan.h's.
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

}  // namespace taper::cuda
