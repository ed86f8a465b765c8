// Sums whose steps are rounded, on lanes of float or double: the plan of core/cpu/rounded_plan.h, one tile kernel for each rounding.
#include <taper/core/odd.h>
#include <taper/cuda/general_round.h>
#include <taper/cuda/step_rounds.h>
#include <taper/cuda/tiled_sums.h>

namespace taper::cuda {

namespace {

using cpu::RoundedPlan;
using cpu::StepKind;

template <class Real, class Round>
struct FusedSteps {
    static constexpr bool is_long = false;
    Round round;
    TAPER_FN void add(Real& s, Real a, Real b) const { s = round(odd::fma(a, b, s)); }
    TAPER_FN Real finished(Real s) const { return s; }
};
template <class Real, class Round>
struct LaneSteps {
    static constexpr bool is_long = false;
    Round round;
    TAPER_FN void add(Real& s, Real a, Real b) const { s = round(fused(a, b, s)); }
    TAPER_FN Real finished(Real s) const { return s; }
};

template <class Real>
void round_bias(Runtime& runtime, std::int64_t n, const Input bias, const DeviceFormat format, Real* values) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { values[i] = static_cast<Real>(rounded_exactly(format, bias.exact(i), Rounding::nearest, 0)); });
}

template <class Real, class Steps>
void run(Runtime& runtime, const SumCall& call, const Steps& steps) {
    const SumProblem<Real> problem(runtime, call);
    const DeviceSums<Real> shape = problem.sums();
    const Buffer<Real> bias(runtime, call.bias.defined() ? call.bias.elements() : 0);
    if (shape.has_bias()) round_bias<Real>(runtime, call.bias.elements(), shape.bias, device_format(runtime, call.accumulator.format()), bias.data());
    const TiledSums<Real, Real, Steps> sums{shape, steps, shape.has_bias() ? bias.data() : nullptr, Result(runtime, call.y, call.epilogue)};
    for_blocks(runtime, sums.blocks(), sums);
}

template <template <class, class> class Steps>
bool run_in_float(Runtime& runtime, const SumCall& call, const LaneRound<float>& round) {
    switch (round.kind) {
        case RoundKind::posit: run<float>(runtime, call, Steps<float, PositRound<float>>{round.posit}); return true;
        case RoundKind::minifloat: run<float>(runtime, call, Steps<float, MinifloatRound<float>>{round.minifloat}); return true;
        case RoundKind::narrowed: run<float>(runtime, call, Steps<float, NarrowedRound>{round.narrowed}); return true;
        case RoundKind::half: run<float>(runtime, call, Steps<float, HalfRound>{}); return true;
        case RoundKind::fixed: run<float>(runtime, call, Steps<float, FixedRound<float>>{round.fixed}); return true;
        default: return false;
    }
}

bool run_in_double(Runtime& runtime, const SumCall& call, const LaneRound<double>& round) {
    switch (round.kind) {
        case RoundKind::posit: run<double>(runtime, call, FusedSteps<double, PositRound<double>>{round.posit}); return true;
        case RoundKind::minifloat: run<double>(runtime, call, FusedSteps<double, MinifloatRound<double>>{round.minifloat}); return true;
        default: return false;
    }
}

}  // namespace

bool rounded_sums(Runtime& runtime, const SumCall& call) {
    const Accumulator::Kind kind = call.accumulator.kind();
    if ((kind != Accumulator::Kind::rounded && kind != Accumulator::Kind::rounded_f32) || call.accumulator.draws()) return false;
    if (half_sums(runtime, call)) return true;
    const Format &left = call.left.format(), &right = call.right.format();
    if (left.exact_in_float32() && right.exact_in_float32()) {
        const std::optional<RoundedPlan<float>> plan = cpu::rounded_plan<float>(call.accumulator, left, right);
        if (plan && plan->kind == StepKind::fused) return run_in_float<FusedSteps>(runtime, call, plan->round);
        if (plan && plan->kind == StepKind::in_lane) return run_in_float<LaneSteps>(runtime, call, plan->round);
    }
    const std::optional<RoundedPlan<double>> plan = cpu::rounded_plan<double>(call.accumulator, left, right);
    return plan && plan->kind == StepKind::fused && run_in_double(runtime, call, plan->round);
}

}  // namespace taper::cuda
