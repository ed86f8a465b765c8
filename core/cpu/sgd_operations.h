// StepOperations: an SGD step in which each operation is rounded, on blocks of values.
#pragma once

#include <vector>

#include <taper/core/cpu/rounded_operation.h>
#include <taper/core/ops.h>

namespace taper {

class StepOperations {
  public:
    // `held`: the tensor of the most precise weights; it and the velocity are the targets.  Without a velocity `held` takes its place.
    StepOperations(const core::SgdStep& step, const Target& held, const Tensor& velocity, const Format& gradient);

    // In place: g the gradient, v the velocity (unread in a first step), w the held weights.  g is overwritten.
    // Returns how many NaN had no code.
    std::size_t operator()(const Block& block, double* g, double* v, double* w) const;

    enum Number : int { gradient, decay, decayed, kept, velocity, ahead, direction, change, master, weight };  // in the order of core::SgdStep

  private:
    // y = r(r(a x) + b), or r(a x + b) where they are fused; `product` is the number of the first rounding.
    std::size_t multiply_add(Number product, const Block& block, double a, const double* x, const double* b, double* y) const;

    core::SgdStep step_;  // lr, momentum and weight_decay rounded
    bool converts_gradient_, has_velocity_;
    std::vector<RoundedOperation> operations_;  // by number, weight left out
};

RoundingMode operation_mode(const core::SgdStep& step, Rounding rounding, int number);  // its draws come from stream + number

}  // namespace taper
