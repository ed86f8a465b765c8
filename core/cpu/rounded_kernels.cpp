// One loop for every way of rounding a step.  The sums lie in the first-level cache, not in registers: a step is ten to eighty instructions
// on a sum, so that a load and a store cost little and all registers serve the rounding; the many sums of a tile hide the latency of each.
#include <taper/core/cpu/rounded_guess.h>

namespace taper::TAPER_LEVEL {
namespace {

struct FusedStep {
    template <class V, class Round>
    TAPER_FN static void apply(V a, V b, V& s, V&, const Round& r) {
        s = r(odd_fused(a, b, s));
    }
};
struct InLaneStep {
    template <class V, class Round>
    TAPER_FN static void apply(V a, V b, V& s, V&, const Round& r) {
        s = r(fused(a, b, s));
    }
};
struct ProductStep {
    template <class V, class Round>
    TAPER_FN static void apply(V a, V b, V& s, V&, const Round& r) {
        s = r(a * b);
    }
};
struct CompensatedStep {
    static constexpr bool uses_other = true;
    template <class V, class Round>
    TAPER_FN static void apply(V a, V b, V& s, V& e, const Round& r) {
        const V y = r(odd_fused(a, b, -e));
        const V t = r(odd_sum(s, y));
        e = r(odd_sum(r(odd_sum(t, -s)), -y));
        s = t;
    }
};

template <class Real>
TAPER_FN const auto& rounding(const LaneRound<Real>& r, const PositRound<Real>*) {
    return r.posit;
}
template <class Real>
TAPER_FN const auto& rounding(const LaneRound<Real>& r, const MinifloatRound<Real>*) {
    return r.minifloat;
}
template <class Real>
TAPER_FN const auto& rounding(const LaneRound<Real>& r, const NarrowedRound*) {
    return r.narrowed;
}
template <class Real>
TAPER_FN const auto& rounding(const LaneRound<Real>& r, const FixedRound<Real>*) {
    return r.fixed;
}
#if !defined(TAPER_LEVEL_plain)
template <class Real>
TAPER_FN HalfRound rounding(const LaneRound<Real>&, const HalfRound*) {
    return {};
}
#endif
template <class Real>
TAPER_FN NoRound rounding(const LaneRound<Real>&, const NoRound*) {
    return {};
}

template <class Real, class Round, class Step>
void run(const LaneRound<Real>& parameters, const RoundTile<Real>& tile) {
    using V = VectorFor<Real>;
    const Round r = rounding(parameters, static_cast<const Round*>(nullptr));
    auto step = [&r](V a, V b, V& s, V& e) { Step::apply(a, b, s, e, r); };
    for_terms < requires { Step::uses_other; }
    > (tile, step);
}

template <class Real, class Round>
void add(const LaneRound<Real>& parameters, const RoundTile<Real>& tile) {
    constexpr int lanes = LaneOps<VectorFor<Real>>::lanes;
    const Round r = rounding(parameters, static_cast<const Round*>(nullptr));
    for (std::int64_t at = 0; at < tile.rows * tile.vectors * lanes; at += lanes)
        store_vector(tile.sum + at, r(odd_sum(load_vector(tile.sum + at), load_vector(tile.other + at))));
}

template <class Real, class Round>
void fill(RoundedKernels<Real>& kernels, RoundKind kind) {
    const int k = static_cast<int>(kind);
    kernels.fused[k] = run<Real, Round, FusedStep>;
    kernels.in_lane[k] = run<Real, Round, InLaneStep>;
    kernels.compensated[k] = run<Real, Round, CompensatedStep>;
    kernels.product[k] = run<Real, Round, ProductStep>;
    kernels.add[k] = add<Real, Round>;
}

template <class Real>
RoundedKernels<Real> make_kernels() {
    RoundedKernels<Real> kernels = {};
    kernels.lanes = LaneOps<VectorFor<Real>>::lanes;
    fill<Real, PositRound<Real>>(kernels, RoundKind::posit);
    fill<Real, MinifloatRound<Real>>(kernels, RoundKind::minifloat);
    fill<Real, FixedRound<Real>>(kernels, RoundKind::fixed);
    kernels.in_lane[static_cast<int>(RoundKind::none)] = run<Real, NoRound, InLaneStep>;
    return kernels;
}

}  // namespace

const RoundedKernels<float>& rounded_kernels_float() {
    static const RoundedKernels<float> kernels = [] {
        RoundedKernels<float> k = make_kernels<float>();
        fill<float, NarrowedRound>(k, RoundKind::narrowed);
#if !defined(TAPER_LEVEL_plain)
        fill<float, HalfRound>(k, RoundKind::half);
#endif
        k.guess_fused[static_cast<int>(Guessing::any)] = guess<true, ComputedUnits>;
        k.guess_fused[static_cast<int>(Guessing::near_one)] = guess<true, ListedUnits>;
        k.guess_in_lane[static_cast<int>(Guessing::any)] = guess<false, ComputedUnits>;
        k.guess_in_lane[static_cast<int>(Guessing::near_one)] = guess<false, ListedUnits>;
        return k;
    }();
    return kernels;
}

const RoundedKernels<double>& rounded_kernels_double() {
    static const RoundedKernels<double> kernels = make_kernels<double>();
    return kernels;
}

}  // namespace taper::TAPER_LEVEL
