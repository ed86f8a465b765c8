#include <taper/core/cpu/sgd_operations.h>

#include <algorithm>
#include <variant>

#include <taper/core/cpu/operand.h>

namespace taper {
namespace {

// A posit holds those of the same es and fewer bits.
bool holds(const Format& wide, const Format& narrow) {
    const auto *a = std::get_if<Posit>(&wide.family()), *b = std::get_if<Posit>(&narrow.family());
    return wide == narrow || (a != nullptr && b != nullptr && a->es == b->es && a->n >= b->n);
}

double rounded(double x, const Format& format) { return decode_one(format, encode_one(format, x)); }

}  // namespace

RoundingMode operation_mode(const core::SgdStep& step, Rounding rounding, int number) {
    return {rounding, {.seed = step.seed, .stream = step.stream + static_cast<std::uint64_t>(number)}};
}

StepOperations::StepOperations(const core::SgdStep& step, const Target& held, const Tensor& velocity_tensor, const Format& gradient_format)
    : step_(step), has_velocity_(velocity_tensor.defined()) {
    const Target state = has_velocity_ ? Target(velocity_tensor.format(), step.state_rounding) : held;
    step_.lr = rounded(step.lr, held.format);
    step_.momentum = rounded(step.momentum, state.format);
    step_.weight_decay = rounded(step.weight_decay, state.format);
    converts_gradient_ = step.gradient_scale != 1 || !holds(state.format, gradient_format);
    const int significand = std::max({state.format.significand_bits(), held.format.significand_bits(), gradient_format.significand_bits()});
    for (int number = gradient; number < weight; ++number) {
        const Target& target = number < change ? state : held;
        operations_.emplace_back(target.format, operation_mode(step, target.rounding, number), significand);
    }
}

std::size_t StepOperations::multiply_add(Number product, const Block& block, double a, const double* x, const double* b, double* y) const {
    const RoundedOperation &first = operations_[product], &second = operations_[product + 1];
    if (step_.rounding == core::StepRounding::fused) return second.multiply_add(block, a, x, b, y);
    alignas(64) double ax[lane_block];
    const std::size_t lost = first.scale(block, a, x, ax);
    return lost + second.add(block, ax, b, y);
}

std::size_t StepOperations::operator()(const Block& block, double* g, double* v, double* w) const {
    std::size_t lost = converts_gradient_ ? operations_[gradient].scale(block, step_.gradient_scale, g, g) : 0;
    if (step_.weight_decay != 0) lost += multiply_add(decay, block, step_.weight_decay, w, g, g);
    const double* d = has_velocity_ ? v : g;
    if (has_velocity_ && step_.first) std::copy(g, g + block.count, v);
    if (has_velocity_ && !step_.first) lost += multiply_add(kept, block, step_.momentum, v, g, v);
    if (step_.nesterov) {
        lost += multiply_add(ahead, block, step_.momentum, v, g, g);
        d = g;
    }
    if (step_.rounding == core::StepRounding::fused) return lost + operations_[master].multiply_add(block, -step_.lr, d, w, w);
    alignas(64) double lr_d[lane_block];
    lost += operations_[change].scale(block, step_.lr, d, lr_d);
    return lost + operations_[master].sub(block, w, lr_d, w);
}

}  // namespace taper
