// AdamOperations: an Adam step in which each operation is rounded, on blocks of values.
#pragma once

#include <taper/core/cpu/step_operations.h>

namespace taper {

// The factors of a step that its number changes: 1 / (1 - beta1^t), 1 / sqrt(1 - beta2^t).
struct BiasCorrection {
    double rate, root;
    explicit BiasCorrection(const core::AdamStep& step);
};

class AdamOperations {
  public:
    // The format of the moments and that of the held weights are the targets.
    AdamOperations(const core::AdamStep& step, const core::StepWeights& weights, const Tensor& mean, const Format& gradient);

    // In place: g the gradient, m and v the moments, w the held weights, c their compensation or null.  g is overwritten.
    // Returns how many NaN had no code.
    std::size_t operator()(const Block& block, double* g, double* m, double* v, double* w, double* c) const;

    // In the order of core::AdamStep.
    enum Number : int {
        gradient,
        decay,
        decayed,
        shrink,
        shrunk,
        mean_kept,
        mean_part,
        mean,
        square_kept,
        square_part,
        square_product,
        square,
        root,
        scaled_root,
        denominator,
        direction,
        change
    };

  private:
    AdamOperations(const core::AdamStep& step, const StepOperations::Targets& targets, const Format& gradient);
    core::AdamStep step_;  // lr is c1, weight_decay what w is multiplied by, all rounded
    double rest1_, rest2_, root_scale_;
    bool converts_gradient_;
    StepOperations operations_;
};

}  // namespace taper
