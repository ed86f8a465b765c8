// SgdOperations: an SGD step in which each operation is rounded, on blocks of values.
#pragma once

#include <taper/core/cpu/step_operations.h>

namespace taper {

class SgdOperations {
  public:
    // The velocity and the held weights are the targets.  Without a velocity the compensation takes its place, without that `held`.
    SgdOperations(const core::SgdStep& step, const core::StepWeights& weights, const Tensor& velocity, const Format& gradient);

    // In place: g the gradient, v the velocity (unread in a first step), w the held weights, c their compensation or null.  g is overwritten.
    // Returns how many NaN had no code.
    std::size_t operator()(const Block& block, double* g, double* v, double* w, double* c) const;

    enum Number : int { gradient, decay, decayed, kept, velocity, ahead, direction, change };  // in the order of core::SgdStep

  private:
    SgdOperations(const core::SgdStep& step, const StepOperations::Targets& targets, bool has_velocity, const Format& gradient);
    core::SgdStep step_;  // lr, momentum and weight_decay rounded
    bool has_velocity_, converts_gradient_;
    StepOperations operations_;
};

}  // namespace taper
