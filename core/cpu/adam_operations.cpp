#include <taper/core/cpu/adam_operations.h>

#include <algorithm>
#include <cmath>

namespace taper {

BiasCorrection::BiasCorrection(const core::AdamStep& step)
    : rate(1 / (1 - std::pow(step.beta1, static_cast<double>(step.t)))), root(1 / std::sqrt(1 - std::pow(step.beta2, static_cast<double>(step.t)))) {}

AdamOperations::AdamOperations(const core::AdamStep& step, const core::StepWeights& weights, const Tensor& mean, const Format& gradient)
    : AdamOperations(step, operation_targets(step, weights, mean, gradient), gradient) {}

AdamOperations::AdamOperations(const core::AdamStep& step, const StepOperations::Targets& targets, const Format& gradient)
    : step_(step),
      converts_gradient_(step.gradient_scale != 1 || !holds(targets.state.format, gradient)),
      operations_(step, targets, change, {shrink, shrunk}) {
    const BiasCorrection correction(step);
    const Format &state = targets.state.format, &held = targets.held.format;
    step_.lr = rounded(step.lr * correction.rate, held);
    step_.weight_decay = step.decoupled ? rounded(step.lr * step.weight_decay, held) : rounded(step.weight_decay, state);
    step_.beta1 = rounded(step.beta1, state);
    step_.beta2 = rounded(step.beta2, state);
    step_.eps = rounded(step.eps, state);
    rest1_ = rounded(1 - step.beta1, state);
    rest2_ = rounded(1 - step.beta2, state);
    root_scale_ = rounded(correction.root, state);
}

std::size_t AdamOperations::operator()(const Block& block, double* g, double* m, double* v, double* w, double* c) const {
    alignas(64) double x[lane_block], y[lane_block];
    std::size_t lost = converts_gradient_ ? operations_[gradient].scale(block, step_.gradient_scale, g, g) : 0;
    if (step_.weight_decay != 0 && step_.decoupled) lost += operations_.subtract(shrink, shrunk, block, step_.weight_decay, w, w, w);
    if (step_.weight_decay != 0 && !step_.decoupled) lost += operations_.multiply_add(decay, block, step_.weight_decay, w, g, g);
    lost += operations_[mean_kept].scale(block, step_.beta1, m, x);
    lost += operations_.multiply_add(mean_part, block, rest1_, g, x, m);
    lost += operations_[square_kept].scale(block, step_.beta2, v, x);
    lost += operations_[square_part].scale(block, rest2_, g, y);
    lost += operations_.multiply_add(square_product, block, y, g, x, v);
    lost += operations_[root].sqrt(block, v, x);
    std::fill(y, y + block.count, step_.eps);
    lost += operations_.multiply_add(scaled_root, block, root_scale_, x, y, x);
    lost += operations_[direction].div(block, m, x, g);
    return lost + operations_.descend(block, step_.lr, g, w, c);
}

}  // namespace taper
