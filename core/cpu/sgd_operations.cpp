#include <taper/core/cpu/sgd_operations.h>

#include <algorithm>

namespace taper {

SgdOperations::SgdOperations(const core::SgdStep& step, const core::StepWeights& weights, const Tensor& velocity, const Format& gradient)
    : SgdOperations(step, operation_targets(step, weights, velocity, gradient), velocity.defined(), gradient) {}

SgdOperations::SgdOperations(const core::SgdStep& step, const StepOperations::Targets& targets, bool has_velocity, const Format& gradient)
    : step_(step),
      has_velocity_(has_velocity),
      converts_gradient_(step.gradient_scale != 1 || !holds(targets.state.format, gradient)),
      operations_(step, targets, change) {
    step_.lr = rounded(step.lr, targets.held.format);
    step_.momentum = rounded(step.momentum, targets.state.format);
    step_.weight_decay = rounded(step.weight_decay, targets.state.format);
}

std::size_t SgdOperations::operator()(const Block& block, double* g, double* v, double* w, double* c) const {
    std::size_t lost = converts_gradient_ ? operations_[gradient].scale(block, step_.gradient_scale, g, g) : 0;
    if (step_.weight_decay != 0) lost += operations_.multiply_add(decay, block, step_.weight_decay, w, g, g);
    const double* d = has_velocity_ ? v : g;
    if (has_velocity_ && step_.first) std::copy(g, g + block.count, v);
    if (has_velocity_ && !step_.first) lost += operations_.multiply_add(kept, block, step_.momentum, v, g, v);
    if (step_.nesterov) {
        lost += operations_.multiply_add(ahead, block, step_.momentum, v, g, g);
        d = g;
    }
    return lost + operations_.descend(block, step_.lr, d, w, c);
}

}  // namespace taper
