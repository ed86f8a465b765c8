// Sums of more roundings a step, on tiles of 4 x 4 a thread: split, compensated, in chunks, and stochastic.
#include <taper/cuda/step_rounds.h>
#include <taper/cuda/sum_draws.h>
#include <taper/cuda/tiled_sums.h>

namespace taper::cuda {

namespace {

using cpu::RoundedPlan;
using cpu::StepKind;

// s <- r(s + m(a b))
template <class Real>
struct SplitSteps {
    using Sum = Real;
    AnyRound<Real> round, product;
    TAPER_FN static Sum from(Real bias) { return bias; }
    TAPER_FN void add(Real& s, Real a, Real b) const { s = round(odd_sum(s, product(a * b))); }
    TAPER_FN Real finished(Real s, std::int64_t, std::int64_t) const { return s; }
};

template <class Real>
struct Compensated {
    Real s, e;
};

// y <- r(a b - e); t <- r(s + y); e <- r(r(t - s) - y); s <- t
template <class Real>
struct CompensatedSteps {
    using Sum = Compensated<Real>;
    AnyRound<Real> round;
    TAPER_FN static Sum from(Real bias) { return {bias, 0}; }
    TAPER_FN void add(Sum& sum, Real a, Real b) const {
        const Real y = round(odd_fused(a, b, -sum.e)), t = round(odd_sum(sum.s, y));
        sum.e = round(odd_sum(round(odd_sum(t, -sum.s)), -y));
        sum.s = t;
    }
    TAPER_FN Real finished(const Sum& sum, std::int64_t, std::int64_t) const { return sum.s; }
};

template <class Real>
struct Chunked {
    Real s, p, e;
};

// p <- a step of the inner sum; at the end of a chunk s <- r(s + p), p <- 0
template <class Real>
struct ChunkedSteps {
    using Sum = Chunked<Real>;
    StepKind kind;
    AnyRound<Real> round, product, outer;
    std::int64_t chunk;
    TAPER_FN static Sum from(Real bias) { return {bias, 0, 0}; }
    TAPER_FN void add(Sum& sum, Real a, Real b) const {
        switch (kind) {
            case StepKind::fused: sum.p = round(odd_fused(a, b, sum.p)); break;
            case StepKind::in_lane: sum.p = round(fused(a, b, sum.p)); break;
            case StepKind::split: sum.p = round(odd_sum(sum.p, product(a * b))); break;
            default: {
                Compensated<Real> inner{sum.p, sum.e};
                CompensatedSteps<Real>{round}.add(inner, a, b);
                sum.p = inner.s;
                sum.e = inner.e;
            }
        }
    }
    TAPER_FN bool chunk_ends(std::int64_t k, std::int64_t terms) const { return (k + 1) % chunk == 0 || k + 1 == terms; }
    TAPER_FN void close(Sum& sum) const { sum = {outer(odd_sum(sum.s, sum.p)), 0, 0}; }
    TAPER_FN Real finished(const Sum& sum, std::int64_t, std::int64_t) const { return sum.s; }
};

// s <- r(a b + s), r stochastic.  Rounded to odd in float64, 53 bits, the exact sum lies between the same two of the 2^32 parts of a step of r as before
// where r keeps 16 bits at most.
struct StochasticSteps {
    using Sum = double;
    DeviceFormat format;
    std::uint64_t seed, stream;

    TAPER_CALLED static double rounded(const DeviceFormat& format, double x, std::uint32_t draw) {
        return x != x ? x : double_of(format.unpack(format.pack(unpacked_of(x), Rounding::stochastic, draw)));
    }
    TAPER_FN static Sum from(double bias) { return bias; }
    TAPER_FN SumDraws draws(std::int64_t output) const { return {seed, stream, static_cast<std::uint64_t>(output)}; }
    TAPER_FN double first(double bias, StepPlace at) const { return rounded(format, bias, draws(at.output)(last_step, 0, 1)); }
    TAPER_FN void add(double& s, double a, double b, StepPlace at) const {
        s = rounded(format, odd_fused(a, b, s), draws(at.output)(static_cast<std::uint32_t>(at.k), 0));
    }
    TAPER_FN void put(const Result& y, double s, StepPlace at) const {
        y.lose(s != s);
        y.put_code(at.output, y.format.pack(unpacked_of(s), Rounding::stochastic, draws(at.output)(last_step, 0)));
    }
};

// Of biases, rounded to nearest into `format` where `rounds`.
template <class Steps, class Real>
void first_sums(Runtime& runtime, std::int64_t n, const Input bias, bool rounds, const DeviceFormat format, typename Steps::Sum* sums) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        const Unpacked x = bias.exact(i);
        sums[i] = Steps::from(static_cast<Real>(double_of(!rounds || x.kind == Kind::nan ? x : format.unpack(format.pack(x, Rounding::nearest, 0)))));
    });
}

template <class Real, class Steps>
bool run(Runtime& runtime, const SumCall& call, const Steps& steps) {
    using Sum = typename Steps::Sum;
    using Tiles = TiledSums<Real, Sum, Steps, 4>;
    const SumProblem<Real> problem(runtime, call);
    const DeviceSums<Real> shape = problem.sums();
    const Buffer<Sum> bias(runtime, call.bias.defined() ? call.bias.elements() : 0);
    if (shape.has_bias())
        first_sums<Steps, Real>(runtime, call.bias.elements(), shape.bias, !Tiles::draws, device_format(runtime, call.accumulator.format()), bias.data());
    const Tiles sums{shape, steps, shape.has_bias() ? bias.data() : nullptr, Result(runtime, call.y, call.epilogue)};
    for_blocks(runtime, sums.blocks(), sums);
    return true;
}

template <class Real>
bool planned(Runtime& runtime, const SumCall& call) {
    const std::optional<RoundedPlan<Real>> plan = cpu::rounded_plan<Real>(call.accumulator, call.left.format(), call.right.format());
    if (!plan) return false;
    const AnyRound<Real> round{plan->round}, product{plan->product};
    if (plan->chunk > 0) return run<Real>(runtime, call, ChunkedSteps<Real>{plan->kind, round, product, {plan->outer}, plan->chunk});
    if (plan->kind == StepKind::split) return run<Real>(runtime, call, SplitSteps<Real>{round, product});
    if (plan->kind == StepKind::compensated) return run<Real>(runtime, call, CompensatedSteps<Real>{round});
    return false;
}

bool stochastic(Runtime& runtime, const SumCall& call) {
    const Accumulator& a = call.accumulator;
    if (a.kind() != Accumulator::Kind::rounded || a.product() || a.format().significand_bits() > 16) return false;
    if (!cpu::rounded_plan<double>(Accumulator::rounded(a.format()), call.left.format(), call.right.format())) return false;
    const Draws& draws = call.epilogue.draws;
    return run<double>(runtime, call, StochasticSteps{device_format(runtime, a.format()), draws.seed, draws.stream});
}

}  // namespace

bool stepped_sums(Runtime& runtime, const SumCall& call) {
    if (call.accumulator.draws()) return stochastic(runtime, call);
    const bool in_float32 = call.left.format().exact_in_float32() && call.right.format().exact_in_float32();
    return (in_float32 && planned<float>(runtime, call)) || planned<double>(runtime, call);
}

}  // namespace taper::cuda
