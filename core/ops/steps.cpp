// Checks of the optimizer steps, and the names of their roundings.
#include <array>
#include <initializer_list>

#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/ops/common.h>
#include <taper/formats/error.h>

namespace taper::core {
namespace {

constexpr std::array<std::string_view, 3> step_names{"results", "every-operation", "fused"};  // in the order of StepRounding

// All have the weight's shape; those that are undefined are left out, but for the gradient.
void check_tensors(const char* op, const StepWeights& weights, const Tensor& gradient, std::initializer_list<NamedOperand> states) {
    const NamedOperand weight = {"weight", weights.weight};
    const auto check = [&](const NamedOperand& other) {
        check_values(op, {weight, other});
        check_same_shape(op, weight, other);
    };
    check({"gradient", gradient});
    if (weights.master.defined()) check({"master", weights.master});
    for (const NamedOperand& state : states)
        if (state.tensor.defined()) check(state);
    if (weights.compensation.defined()) check({"compensation", weights.compensation});
}

}  // namespace

std::string name(StepRounding rounding) { return std::string(step_names[static_cast<std::size_t>(rounding)]); }

StepRounding parse_step_rounding(std::string_view text) {
    for (std::size_t i = 0; i < step_names.size(); ++i)
        if (step_names[i] == text) return static_cast<StepRounding>(i);
    throw Error(fmt::format("step rounding: unknown name: \"{}\" (want results, every-operation or fused)", text));
}

void sgd_step(StepWeights weights, Tensor& velocity, const Tensor& gradient, const SgdStep& step) {
    check_tensors("sgd_step", weights, gradient, {{"velocity", velocity}});
    if (step.momentum != 0 && !velocity.defined())
        throw Error(fmt::format("sgd_step: momentum without a velocity: momentum is {} (want a velocity tensor)", step.momentum));
    if (step.nesterov && step.momentum == 0) throw Error("sgd_step: Nesterov's step without momentum: momentum is 0 (want momentum > 0)");
    if (weights.weight.elements() > 0) backend(weights.weight.device()).sgd_step(step, weights, velocity, gradient);
}

void adam_step(StepWeights weights, Tensor& mean, Tensor& square, const Tensor& gradient, const AdamStep& step) {
    if (!mean.defined() || !square.defined()) throw Error("adam_step: a moment is missing: undefined came (want tensors of zeros at first)");
    check_tensors("adam_step", weights, gradient, {{"mean", mean}, {"square", square}});
    for (const double beta : {step.beta1, step.beta2})
        if (!(beta >= 0 && beta < 1)) throw Error(fmt::format("adam_step: a beta out of range: {} (want 0 <= beta < 1)", beta));
    if (step.t < 1) throw Error(fmt::format("adam_step: a step's number out of range: {} (want at least 1)", step.t));
    if (weights.weight.elements() > 0) backend(weights.weight.device()).adam_step(step, weights, mean, square, gradient);
}

}  // namespace taper::core
