// Checks of the optimizer steps, and the names of their roundings.
#include <array>

#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/ops/common.h>
#include <taper/formats/error.h>

namespace taper::core {
namespace {

constexpr std::array<std::string_view, 3> step_names{"results", "every-operation", "fused"};  // in the order of StepRounding

}  // namespace

std::string name(StepRounding rounding) { return std::string(step_names[static_cast<std::size_t>(rounding)]); }

StepRounding parse_step_rounding(std::string_view text) {
    for (std::size_t i = 0; i < step_names.size(); ++i)
        if (step_names[i] == text) return static_cast<StepRounding>(i);
    throw Error(fmt::format("step rounding: unknown name: \"{}\" (want results, every-operation or fused)", text));
}

void sgd_step(Tensor& weight, Tensor& master, Tensor& velocity, const Tensor& gradient, const SgdStep& step) {
    check_values("sgd_step", {{"weight", weight}, {"gradient", gradient}});
    check_same_shape("sgd_step", {"weight", weight}, {"gradient", gradient});
    const NamedOperand states[] = {{"master", master}, {"velocity", velocity}};
    for (const NamedOperand& state : states) {
        if (!state.tensor.defined()) continue;
        check_values("sgd_step", {{"weight", weight}, state});
        check_same_shape("sgd_step", {"weight", weight}, state);
    }
    if (step.momentum != 0 && !velocity.defined()) throw Error(fmt::format("sgd_step: momentum without a velocity: momentum is {} (want a velocity tensor)", step.momentum));
    if (step.nesterov && step.momentum == 0) throw Error("sgd_step: Nesterov's step without momentum: momentum is 0 (want momentum > 0)");
    if (weight.elements() > 0) backend(weight.device()).sgd_step(step, weight, master, velocity, gradient);
}

}  // namespace taper::core
