#include <taper/core/cpu/rounded_plan.h>

#include <cmath>
#include <type_traits>

namespace taper::cpu {

template <class Real>
bool exact_products(const Format& left, const Format& right) {
    constexpr int lowest = 1 - Lane<Real>::bias - Lane<Real>::fraction;
    return left.significand_bits() + right.significand_bits() <= Lane<Real>::fraction + 1 && left.min_exponent() + right.min_exponent() >= lowest
           && left.max_exponent() + right.max_exponent() + 2 < Lane<Real>::bias;
}

template bool exact_products<float>(const Format&, const Format&);
template bool exact_products<double>(const Format&, const Format&);

namespace {

template <class Real>
constexpr int spare_bits = Lane<Real>::fraction - 1;  // significant bits at most that a sum rounded to odd decides: two less than it has

template <class Real>
std::optional<LaneRound<Real>> lane_round(const Posit& f) {
    if (f.n < 3 || f.top() >= Lane<Real>::bias - 1 || f.significand_bits() > spare_bits<Real>) return {};
    LaneRound<Real> round{.kind = RoundKind::posit};
    round.posit = PositRound<Real>(f);
    return round;
}

template <class Real>
std::optional<LaneRound<Real>> lane_round(const Minifloat& f) {
    if (f.significand_bits() > spare_bits<Real> || f.mantissa >= spare_bits<Real>) return {};
    LaneRound<Real> round{.kind = RoundKind::minifloat};
    if constexpr (std::is_same_v<Real, float>) {
        if (f == Minifloat{5, 10} && rounded_kernels<float>().fused[static_cast<int>(RoundKind::half)] != nullptr) {
            round.kind = RoundKind::half;
            return round;
        }
        if (f.exponent == 8) {
            round.kind = RoundKind::narrowed;
            round.narrowed = NarrowedRound(f);
            return round;
        }
    }
    round.minifloat = MinifloatRound<Real>(f);
    return round;
}

template <class Real>
std::optional<LaneRound<Real>> lane_round(const Fixed& f) {
    if (f.significand_bits() > spare_bits<Real> || std::abs(f.fraction) > 100) return {};
    LaneRound<Real> round{.kind = RoundKind::fixed};
    round.fixed = FixedRound<Real>(f);
    return round;
}

template <class Real>
std::optional<LaneRound<Real>> lane_round(const Float32&) {
    if constexpr (std::is_same_v<Real, double>) return lane_round<double>(Float32::layout());
    return {};
}

template <class Real, class Other>
std::optional<LaneRound<Real>> lane_round(const Other&) {
    return {};
}

// Rounding into `format`, if a sum rounded to odd in the lane decides it.
template <class Real>
std::optional<LaneRound<Real>> round_into(const Format& format) {
    if (const Fixed* f = std::get_if<Fixed>(&format.family())) {  // a scale moves the point
        const int fraction = f->fraction - format.scale_exponent();
        if (std::abs(fraction) > 100) return {};
        return lane_round<Real>(Fixed{f->word, static_cast<std::int8_t>(fraction), f->range});
    }
    if (format.scaling() != Scaling::none) return {};
    return visit(format, [](const auto& family) { return lane_round<Real>(family); });
}

bool has_infinity(const Format& format) {
    return visit(format, [](const auto& family) {
        using Family = std::decay_t<decltype(family)>;
        if constexpr (std::is_same_v<Family, Minifloat>) return family.specials == Specials::ieee;
        return std::is_same_v<Family, Float32> || std::is_same_v<Family, Float64>;
    });
}

// Guesses know no infinities.
Guessing guessing_of(const LaneRound<float>& round, const Format& format, const Format& left, const Format& right) {
    const int digits = round.posit.fraction_bits, es = static_cast<int>(round.posit.regime_shift) - Lane<float>::fraction;
    if (round.kind != RoundKind::posit || digits < 2 || has_infinity(left) || has_infinity(right) || !exact_products<float>(left, right)) return Guessing::none;
    const int lowest = std::min(left.min_exponent() + right.min_exponent(), format.min_exponent());
    const int highest = std::max(left.max_exponent() + right.max_exponent() + 1, format.max_exponent()) + 1;
    if ((-lowest - 1) >> es >= (Lane<float>::bias - 1) >> es) return Guessing::none;
    return lowest >> es > digits - 33 && highest >> es < 32 - digits && digits < 16 ? Guessing::near_one : Guessing::any;
}

template <class Real>
std::optional<RoundedPlan<Real>> step_plan(const Accumulator& accumulator, const Format& left, const Format& right) {
    const std::optional<LaneRound<Real>> round = round_into<Real>(accumulator.format());
    RoundedPlan<Real> plan;
    if (accumulator.kind() == Accumulator::Kind::rounded_f32) {
        if constexpr (std::is_same_v<Real, double>) return {};
        if (!round && accumulator.format() != Format::float32()) return {};
        plan.kind = StepKind::in_lane;
        if (round) plan.round = *round;
        if constexpr (std::is_same_v<Real, float>) plan.guessing = guessing_of(plan.round, accumulator.format(), left, right);
        return plan;
    }
    if (!round || !exact_products<Real>(left, right)) return {};
    plan.round = *round;
    if constexpr (std::is_same_v<Real, float>) plan.guessing = guessing_of(plan.round, accumulator.format(), left, right);
    if (accumulator.kind() == Accumulator::Kind::compensated) plan.kind = StepKind::compensated;
    if (!accumulator.product()) return plan;
    const std::optional<LaneRound<Real>> product = round_into<Real>(*accumulator.product());
    if (!product) return {};
    plan.kind = StepKind::split;
    plan.product = *product;
    return plan;
}

// float32 or float64 within a chunk, of sums that stay far from the lane's infinity.
template <class Real>
std::optional<RoundedPlan<Real>> host_float_plan(const Accumulator& inner, std::int64_t chunk, const Format& left, const Format& right) {
    const bool bounded = left.max_exponent() + right.max_exponent() + 2 + static_cast<int>(std::log2(static_cast<double>(chunk))) < Lane<Real>::bias - 3;
    if (!bounded) return {};
    RoundedPlan<Real> plan;
    if ((inner.kind() == Accumulator::Kind::float32) == std::is_same_v<Real, float>) {
        plan.kind = StepKind::in_lane;
        return plan;
    }
    if (std::is_same_v<Real, float> || !exact_products<Real>(left, right)) return {};
    plan.round = *round_into<Real>(Format::float32());
    return plan;
}

template <class Real>
std::optional<RoundedPlan<Real>> chunked_plan(const Accumulator& accumulator, const Format& left, const Format& right) {
    const Accumulator& inner = accumulator.inner();
    const std::optional<LaneRound<Real>> outer = round_into<Real>(accumulator.format());
    // An overflow of s + p must be one in the outer format too, which posits do not have.
    if (!outer || inner.kind() == Accumulator::Kind::exact || (outer->kind == RoundKind::posit && accumulator.format().max_exponent() > Lane<Real>::bias - 25))
        return {};
    const bool host_float = inner.kind() == Accumulator::Kind::float32 || inner.kind() == Accumulator::Kind::float64;
    std::optional<RoundedPlan<Real>> plan = host_float ? host_float_plan<Real>(inner, accumulator.chunk(), left, right) : step_plan<Real>(inner, left, right);
    if (!plan) return {};
    plan->chunk = accumulator.chunk();
    plan->outer = *outer;
    return plan;
}

}  // namespace

template <class Real>
std::optional<RoundedPlan<Real>> rounded_plan(const Accumulator& accumulator, const Format& left, const Format& right) {
    if (accumulator.draws()) return {};
    switch (accumulator.kind()) {
        case Accumulator::Kind::rounded:
        case Accumulator::Kind::rounded_f32:
        case Accumulator::Kind::compensated:
            return step_plan<Real>(accumulator, left, right);
        case Accumulator::Kind::chunked:
            return chunked_plan<Real>(accumulator, left, right);
        default:
            return {};
    }
}

template std::optional<RoundedPlan<float>> rounded_plan<float>(const Accumulator&, const Format&, const Format&);
template std::optional<RoundedPlan<double>> rounded_plan<double>(const Accumulator&, const Format&, const Format&);

template <>
const RoundedKernels<float>& rounded_kernels<float>() {
#if defined(TAPER_X86_LEVELS)
    if (cpu_level() == CpuLevel::avx512) return avx512::rounded_kernels_float();
    if (cpu_level() == CpuLevel::avx2) return avx2::rounded_kernels_float();
#endif
    return plain::rounded_kernels_float();
}

template <>
const RoundedKernels<double>& rounded_kernels<double>() {
#if defined(TAPER_X86_LEVELS)
    if (cpu_level() == CpuLevel::avx512) return avx512::rounded_kernels_double();
    if (cpu_level() == CpuLevel::avx2) return avx2::rounded_kernels_double();
#endif
    return plain::rounded_kernels_double();
}

}  // namespace taper::cpu
