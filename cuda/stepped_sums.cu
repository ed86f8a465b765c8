// Sums of more roundings a step, to nearest: split, compensated and in chunks.
#include <taper/core/odd.h>
#include <taper/cuda/general_round.h>
#include <taper/cuda/step_rounds.h>
#include <taper/cuda/tiled_sums.h>

namespace taper::cuda {

namespace {

using cpu::RoundedPlan;
using cpu::StepKind;

// s <- r(s + m(a b))
template <class Real>
struct SplitSteps {
    using Sum = Real;
    static constexpr bool is_long = true;
    AnyRound<Real> round, product;
    TAPER_FN static Sum from(Real bias) { return bias; }
    TAPER_FN void add(Real& s, Real a, Real b) const { s = round(odd::add(s, product(a * b))); }
    TAPER_FN Real finished(Real s) const { return s; }
};

template <class Real>
struct Compensated {
    Real s, e;
};

// y <- r(a b - e); t <- r(s + y); e <- r(r(t - s) - y); s <- t
template <class Real>
struct CompensatedSteps {
    using Sum = Compensated<Real>;
    static constexpr bool is_long = true;
    AnyRound<Real> round;
    TAPER_FN static Sum from(Real bias) { return {bias, 0}; }
    TAPER_FN void add(Sum& sum, Real a, Real b) const {
        const Real y = round(odd::fma(a, b, -sum.e)), t = round(odd::add(sum.s, y));
        sum.e = round(odd::add(round(odd::add(t, -sum.s)), -y));
        sum.s = t;
    }
    TAPER_FN Real finished(const Sum& sum) const { return sum.s; }
};

template <class Real>
struct Chunked {
    Real s, p;
};
template <class Real>
struct ChunkedCompensated {
    Real s, p, e;
};

// p <- a step of the inner sum; at the end of a chunk s <- r(s + p), p <- 0
template <class Real, class Sum_>
struct ChunkedSteps {
    using Sum = Sum_;
    static constexpr bool is_long = true;
    StepKind kind;
    AnyRound<Real> round, product, outer;
    std::int64_t chunk;
    TAPER_FN static Sum from(Real bias) { return {bias}; }
    TAPER_FN void add(Sum& sum, Real a, Real b) const {
        if constexpr (requires { sum.e; }) {
            Compensated<Real> inner{sum.p, sum.e};
            CompensatedSteps<Real>{round}.add(inner, a, b);
            sum.p = inner.s;
            sum.e = inner.e;
        } else if (kind == StepKind::fused) {
            sum.p = round(odd::fma(a, b, sum.p));
        } else if (kind == StepKind::in_lane) {
            sum.p = round(fused(a, b, sum.p));
        } else {
            sum.p = round(odd::add(sum.p, product(a * b)));
        }
    }
    TAPER_FN bool chunk_ends(std::int64_t k, std::int64_t terms) const { return (k + 1) % chunk == 0 || k + 1 == terms; }
    TAPER_FN void close(Sum& sum) const { sum = {outer(odd::add(sum.s, sum.p))}; }
    TAPER_FN Real finished(const Sum& sum) const { return sum.s; }
};

template <class Steps, class Real>
void first_sums(Runtime& runtime, std::int64_t n, const Input bias, const DeviceFormat format, typename Steps::Sum* sums) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { sums[i] = Steps::from(static_cast<Real>(rounded_exactly(format, bias.exact(i), Rounding::nearest, 0))); });
}

template <class Real, class Steps>
bool run(Runtime& runtime, const SumCall& call, const Steps& steps) {
    using Sum = typename Steps::Sum;
    const SumProblem<Real> problem(runtime, call);
    const DeviceSums<Real> shape = problem.sums();
    const Buffer<Sum> bias(runtime, call.bias.defined() ? call.bias.elements() : 0);
    if (shape.has_bias())
        first_sums<Steps, Real>(runtime, call.bias.elements(), shape.bias, device_format(runtime, call.accumulator.format()), bias.data());
    const TiledSums<Real, Sum, Steps> sums{shape, steps, shape.has_bias() ? bias.data() : nullptr, Result(runtime, call.y, call.epilogue)};
    for_blocks(runtime, sums.blocks(), sums);
    return true;
}

template <class Real>
bool planned(Runtime& runtime, const SumCall& call) {
    const std::optional<RoundedPlan<Real>> plan = cpu::rounded_plan<Real>(call.accumulator, call.left.format(), call.right.format());
    if (!plan) return false;
    const AnyRound<Real> round{plan->round}, product{plan->product};
    if (plan->chunk > 0) {
        if (plan->kind == StepKind::compensated)
            return run<Real>(runtime, call, ChunkedSteps<Real, ChunkedCompensated<Real>>{plan->kind, round, product, {plan->outer}, plan->chunk});
        return run<Real>(runtime, call, ChunkedSteps<Real, Chunked<Real>>{plan->kind, round, product, {plan->outer}, plan->chunk});
    }
    if (plan->kind == StepKind::split) return run<Real>(runtime, call, SplitSteps<Real>{round, product});
    if (plan->kind == StepKind::compensated) return run<Real>(runtime, call, CompensatedSteps<Real>{round});
    return false;
}

}  // namespace

bool stepped_sums(Runtime& runtime, const SumCall& call) {
    const bool in_float32 = call.left.format().exact_in_float32() && call.right.format().exact_in_float32();
    return (in_float32 && planned<float>(runtime, call)) || planned<double>(runtime, call);
}

}  // namespace taper::cuda
