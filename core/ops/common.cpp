#include <taper/core/ops/common.h>

#include <fmt/format.h>

#include <taper/core/random.h>
#include <taper/formats/error.h>

namespace taper::core {

void check_values(const char* op, std::initializer_list<NamedOperand> operands) {
    for (const auto& [name, tensor] : operands) {
        if (!tensor.defined()) throw Error(fmt::format("{}: {} holds nothing: an undefined tensor came (want values)", op, name));
        if (tensor.format().is_index()) throw Error(fmt::format("{}: no arithmetic on indices: {} is {} (want a number format)", op, name, tensor.format().name()));
        check_same_device(op, *operands.begin(), {name, tensor});
    }
}

void check_same_device(const char* op, const NamedOperand& a, const NamedOperand& b) {
    if (a.tensor.device() == b.tensor.device()) return;
    throw Error(fmt::format("{}: operands lie on different devices: {} on {}, {} on {} (want one device)", op, a.name, a.tensor.device().name(), b.name,
                            b.tensor.device().name()));
}

void check_same_shape(const char* op, const NamedOperand& a, const NamedOperand& b) {
    if (a.tensor.shape() == b.tensor.shape()) return;
    throw Error(fmt::format("{}: shapes differ: {} is {}, {} is {} (want one shape)", op, a.name, a.tensor.shape().str(), b.name, b.tensor.shape().str()));
}

Target target_of(const char* op, const Output& output, const Format& format) {
    const Target target = output.value_or(Target(format));
    if (target.format.is_index()) throw Error(fmt::format("{}: no arithmetic on indices: the output is {} (want a number format)", op, target.format.name()));
    return target;
}

RoundingMode rounding_mode(const Target& target) {
    RoundingMode mode{.mode = target.rounding};
    if (target.rounding == Rounding::stochastic) mode.draws = {.seed = default_generator().seed(), .stream = default_generator().next_stream()};
    return mode;
}

Format gradient_format(std::initializer_list<Format> formats) {
    for (const Format& f : formats) {
        if (f.compute_type() == ComputeType::float64) return Format::float64();
    }
    return Format::float32();
}

}  // namespace taper::core
