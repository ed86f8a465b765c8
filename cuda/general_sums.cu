// Sums of any accumulator but exact ones and of any format, on tiles: those whose steps draw, and those that no lane of float or double holds.
#include <taper/core/cpu/rounded_plan.h>
#include <taper/core/odd.h>
#include <taper/cuda/general_round.h>
#include <taper/cuda/sum_draws.h>
#include <taper/cuda/tiled_sums.h>
#include <taper/formats/arithmetic.h>

namespace taper::cuda {

namespace {

using SumKind = Accumulator::Kind;

constexpr int drawn_bits = 20;  // of a format at most

// Of doubles that hold every product, rounded to odd, 53 bits: an exact result keeps its place among the 2^32 parts that a draw makes of a unit in a format
// of at most drawn_bits significant bits.
struct OddArithmetic {
    using Kept = float;
    TAPER_FN static double product(const GeneralRound& r, double a, double b, std::uint32_t draw) { return r(a * b, draw); }
    TAPER_FN static double fma(const GeneralRound& r, double a, double b, double c, std::uint32_t draw) { return r(odd::fma(a, b, c), draw); }
    TAPER_FN static double sum(const GeneralRound& r, double a, double b, std::uint32_t draw) { return r(odd::add(a, b), draw); }
};
// Of unpacked numbers: every format.
struct ExactArithmetic {
    using Kept = double;
    TAPER_CALLED static double product(const GeneralRound& r, double a, double b, std::uint32_t draw) {
        return r(exact_mul(unpacked_of(a), unpacked_of(b)), draw);
    }
    TAPER_CALLED static double fma(const GeneralRound& r, double a, double b, double c, std::uint32_t draw) {
        return r(exact_fma(unpacked_of(a), unpacked_of(b), unpacked_of(c)), draw);
    }
    TAPER_CALLED static double sum(const GeneralRound& r, double a, double b, std::uint32_t draw) {
        return r(exact_add(unpacked_of(a), unpacked_of(b)), draw);
    }
};

// The steps of a call, those of its inner accumulator where it is a chunked one.
struct GeneralSteps {
    SumKind kind;
    bool split;
    GeneralRound round, of_product, outer;  // outer: of s, where that is a sum of chunks
    std::int64_t chunk;
    std::uint64_t seed, stream;

    GeneralSteps(Runtime& runtime, const SumCall& call) : chunk(call.accumulator.chunk()), seed(call.epilogue.draws.seed), stream(call.epilogue.draws.stream) {
        const Accumulator& sums = call.accumulator;
        const Accumulator& steps = chunk > 0 ? sums.inner() : sums;
        kind = steps.kind();
        split = steps.product().has_value();
        round = GeneralRound(device_format(runtime, steps.format()), steps.rounding());
        if (split) of_product = GeneralRound(device_format(runtime, *steps.product()), steps.rounding());
        outer = GeneralRound(device_format(runtime, sums.format()), sums.rounding());
    }

    TAPER_FN SumDraws draws(StepPlace at) const { return {seed, stream, static_cast<std::uint64_t>(at.output)}; }
    TAPER_FN Philox4 step_draws(StepPlace at) const { return round.draws() ? draws(at)(static_cast<std::uint32_t>(at.k)) : Philox4{}; }
    TAPER_CALLED double first(double bias, StepPlace at) const { return outer(bias, outer.draws() ? draws(at)(last_step, 1).word[0] : 0); }
    template <class Arithmetic>
    TAPER_FN double plain_step(double s, double a, double b, StepPlace at) const {
        const Philox4 drawn = step_draws(at);
        switch (kind) {
            case SumKind::float32: return fused(static_cast<float>(a), static_cast<float>(b), static_cast<float>(s));
            case SumKind::float64: return fused(a, b, s);
            case SumKind::rounded_f32: return round(fused(static_cast<float>(a), static_cast<float>(b), static_cast<float>(s)), drawn.word[0]);
            default: break;
        }
        if (split) return Arithmetic::sum(round, s, Arithmetic::product(of_product, a, b, drawn.word[0]), drawn.word[1]);
        return Arithmetic::fma(round, a, b, s, drawn.word[0]);
    }
    template <class Arithmetic, class Real>
    TAPER_FN void compensated_step(Real& s, Real& e, double a, double b, StepPlace at) const {
        const Philox4 drawn = step_draws(at);
        const double y = Arithmetic::fma(round, a, b, -static_cast<double>(e), drawn.word[0]), t = Arithmetic::sum(round, s, y, drawn.word[1]);
        e = static_cast<Real>(Arithmetic::sum(round, Arithmetic::sum(round, t, -static_cast<double>(s), drawn.word[2]), -y, drawn.word[3]));
        s = static_cast<Real>(t);
    }
    template <class Arithmetic>
    TAPER_FN double chunk_sum(double s, double p, StepPlace at) const {
        return Arithmetic::sum(outer, s, p, outer.draws() ? draws(at)(static_cast<std::uint32_t>(at.k / chunk), 1).word[0] : 0);
    }
    TAPER_FN void put(const Result& y, double s, StepPlace at) const {
        if (!outer.draws()) return y.put(at.output, s);
        y.lose(s != s);
        y.put_code(at.output, y.format.pack(unpacked_of(s), Rounding::stochastic, draws(at)(last_step).word[0]));
    }
};

template <class Arithmetic>
struct PlainSteps {
    using Sum = typename Arithmetic::Kept;
    static constexpr bool is_long = true;
    GeneralSteps steps;
    TAPER_FN Sum first(double bias, StepPlace at) const { return static_cast<Sum>(steps.first(bias, at)); }
    TAPER_FN void add(Sum& s, double a, double b, StepPlace at) const { s = static_cast<Sum>(steps.plain_step<Arithmetic>(s, a, b, at)); }
    TAPER_FN void put(const Result& y, Sum s, StepPlace at) const { steps.put(y, s, at); }
};

template <class Arithmetic>
struct CompensatedSteps {
    using Kept = typename Arithmetic::Kept;
    struct Sum {
        Kept s, e;
    };
    static constexpr bool is_long = true;
    GeneralSteps steps;
    TAPER_FN Sum first(double bias, StepPlace at) const { return {static_cast<Kept>(steps.first(bias, at)), 0}; }
    TAPER_FN void add(Sum& sum, double a, double b, StepPlace at) const { steps.compensated_step<Arithmetic>(sum.s, sum.e, a, b, at); }
    TAPER_FN void put(const Result& y, const Sum& sum, StepPlace at) const { steps.put(y, sum.s, at); }
};

template <class Arithmetic>
struct ChunkedSteps {
    using Kept = typename Arithmetic::Kept;
    struct Sum {
        Kept s, p, e;  // e: of a compensated p
    };
    static constexpr bool is_long = true;
    GeneralSteps steps;
    TAPER_FN Sum first(double bias, StepPlace at) const { return {static_cast<Kept>(steps.first(bias, at)), 0, 0}; }
    TAPER_FN void add(Sum& sum, double a, double b, StepPlace at) const {
        if (steps.kind == SumKind::compensated)
            steps.compensated_step<Arithmetic>(sum.p, sum.e, a, b, at);
        else
            sum.p = static_cast<Kept>(steps.plain_step<Arithmetic>(sum.p, a, b, at));
    }
    TAPER_FN bool chunk_ends(std::int64_t k, std::int64_t terms) const { return (k + 1) % steps.chunk == 0 || k + 1 == terms; }
    TAPER_FN void close(Sum& sum, StepPlace at) const { sum = {static_cast<Kept>(steps.chunk_sum<Arithmetic>(sum.s, sum.p, at)), 0, 0}; }
    TAPER_FN void put(const Result& y, const Sum& sum, StepPlace at) const { steps.put(y, sum.s, at); }
};

template <class Steps>
void run(Runtime& runtime, const SumCall& call) {
    const SumProblem<double> problem(runtime, call);
    const TiledSums<double, typename Steps::Sum, Steps> sums{problem.sums(), {GeneralSteps(runtime, call)}, nullptr, Result(runtime, call.y, call.epilogue)};
    for_blocks(runtime, sums.blocks(), sums);
}

template <class Arithmetic>
void run_any(Runtime& runtime, const SumCall& call) {
    if (call.accumulator.kind() == SumKind::chunked) return run<ChunkedSteps<Arithmetic>>(runtime, call);
    if (call.accumulator.kind() == SumKind::compensated) return run<CompensatedSteps<Arithmetic>>(runtime, call);
    run<PlainSteps<Arithmetic>>(runtime, call);
}

// Do sums that these steps round fit OddArithmetic?
bool steps_in_doubles(const Accumulator& steps, const Format& left, const Format& right) {
    switch (steps.kind()) {
        case SumKind::float32:
        case SumKind::rounded_f32: return true;
        case SumKind::rounded:
        case SumKind::compensated:
            return steps.format().significand_bits() <= drawn_bits && steps.format().exact_in_float32() && cpu::exact_products<double>(left, right);
        default: return false;
    }
}

bool in_doubles(const SumCall& call) {
    const Accumulator& sums = call.accumulator;
    const Format &left = call.left.format(), &right = call.right.format();
    if (sums.kind() != SumKind::chunked) return steps_in_doubles(sums, left, right);
    return sums.format().significand_bits() <= drawn_bits && sums.format().exact_in_float32() && steps_in_doubles(sums.inner(), left, right);
}

}  // namespace

void general_sums(Runtime& runtime, const SumCall& call) {
    if (in_doubles(call)) return run_any<OddArithmetic>(runtime, call);
    run_any<ExactArithmetic>(runtime, call);
}

}  // namespace taper::cuda
