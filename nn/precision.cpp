#include <taper/nn/precision.h>

#include <fmt/format.h>

namespace taper::nn {
namespace {

std::string text(const Target& target) {
    return target.rounding == Rounding::nearest ? target.format.name() : fmt::format("{} {}", target.format.name(), name(target.rounding));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> describe(const Precision& precision) {
    return {{"inputs", text(precision.inputs)},
            {"weights", text(precision.weights)},
            {"activations", text(precision.activations)},
            {"errors", text(precision.errors)},
            {"gradients", text(precision.gradients)},
            {"loss", text(precision.loss)},
            {"master", text(precision.master)},
            {"state", text(precision.state)},
            {"forward", precision.forward.name()},
            {"backward_data", precision.backward_data.name()},
            {"backward_weights", precision.backward_weights.name()}};
}

std::string table(const Precision& precision) {
    std::string lines;
    for (const auto& [role, format] : describe(precision)) lines += fmt::format("{:<17} {}\n", role, format);
    return lines;
}

}  // namespace taper::nn
