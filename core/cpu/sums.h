// Sums of products in every accumulator but float32's fast one: which driver takes a call.
#pragma once

#include <cstddef>

#include <taper/core/accumulator.h>
#include <taper/core/cpu/rounded_sums.h>
#include <taper/core/cpu/sum_problem.h>

namespace taper::cpu {

// One call: the formats of the operands, and what the sums are rounded into.  Every driver returns how many NaN had no code in y.
struct SumCall {
    const Accumulator& accumulator;
    const Format &left, &right;
    Tensor& y;
    const RoundingMode& mode;
};

// Term by term on exact numbers (core/serial_sum.h): any accumulator, any format.
std::size_t serial_sums(const SumProblem<double>& problem, const SumCall& call);
// The exact sum, rounded once (core/cpu/exact_sums.cpp).
std::size_t exact_sums(const SumProblem<double>& problem, const SumCall& call);
// Sums formed in float64; call.accumulator is not read.
std::size_t float64_sums(const SumProblem<double>& problem, const SumCall& call);

// make_problem.template operator()<Real>() makes the SumProblem of the call in the type that its driver wants.
template <class MakeProblem>
std::size_t sum_products(const SumCall& call, const MakeProblem& make_problem) {
    if (call.accumulator.kind() == Accumulator::Kind::float64) return float64_sums(make_problem.template operator()<double>(), call);
    if (sums_on_lanes<float>(call)) return rounded_sums(make_problem.template operator()<float>(), call);
    if (sums_on_lanes<double>(call)) return rounded_sums(make_problem.template operator()<double>(), call);
    if (call.accumulator.kind() == Accumulator::Kind::exact) return exact_sums(make_problem.template operator()<double>(), call);
    return serial_sums(make_problem.template operator()<double>(), call);
}

// Does a term of product 0 leave every sum as it is?  So it does where the sums have no -0, which a +0 would change, and no draw depends on k.
inline bool ignores_zero_terms(const Accumulator& accumulator) {
    if (accumulator.kind() == Accumulator::Kind::exact) return true;
    const bool steps = accumulator.kind() == Accumulator::Kind::rounded || accumulator.kind() == Accumulator::Kind::rounded_f32;
    const Format::Family& family = accumulator.format().family();
    return steps && !accumulator.draws() && (std::holds_alternative<Posit>(family) || std::holds_alternative<Fixed>(family));
}

// Does float32's accumulator sum in float64?  Where an operand is in float64 (gradient checks).
inline bool sums_in_float64(const Accumulator& accumulator, const Tensor& first, const Tensor& second, const Tensor& bias) {
    const auto float64 = [](const Tensor& x) { return x.defined() && x.format() == Format::float64(); };
    return accumulator.kind() == Accumulator::Kind::float32 && (float64(first) || float64(second) || float64(bias));
}

}  // namespace taper::cpu
