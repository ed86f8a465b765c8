// Adam and AdamW: steps scaled by running moments of the gradient, in formats of one's choice.
#pragma once

#include <cstdint>
#include <vector>

#include <taper/nn/optim/optimizer.h>

namespace taper::nn {

struct AdamOptions {
    double lr = 1e-3;
    double beta1 = 0.9, beta2 = 0.999;
    double eps = 1e-8;        // added to the root, as PyTorch does
    double weight_decay = 0;  // Adam: added to the gradient (L2); AdamW: decoupled
    core::StepRounding rounding = core::StepRounding::results;
    bool compensated = false;  // Kahan's sum: keeps what each update loses in the master, in `state`
};

// g += wd w (AdamW: w -= (lr wd) w); m = b1 m + (1 - b1) g; v = b2 v + ((1 - b2) g) g; w -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps),
// w the master, t the number of the parameter's own steps; m and v start at 0.
//   results (Qtorch+'s order): in float32 without fma; then master = r_master(w), weight = r_weight(master), m and v = r_state of them.
//   every_operation, fused: each operation up to the quotient is rounded into `state`, those that make w into `master`, as core::AdamStep lists
//   them; the constants enter rounded to nearest likewise.
// Moments exist from a parameter's first step on: posit(8,2) weights and gradients with posit(16,2) master and moments hold 8 bytes a parameter.
// Stochastic roundings draw from the default generator.
//   Usage: Adam adam(model.parameters(), {.lr = 1e-3});
class Adam : public Optimizer {
  public:
    Adam(NamedParameters parameters, const AdamOptions& options = {});
    explicit Adam(const ParameterGroups<AdamOptions>& groups);
    const AdamOptions& options(std::size_t group = 0) const { return options_.at(group); }

    NamedTensors state() const override;  // "steps", "step.NAME" [] float64, the parameter's t, "mean.NAME", "square.NAME", "compensation.NAME"
    void load(const NamedTensors& tensors) override;
    void set_momentum(double value) override;
    Metadata settings() const override;  // "rounding", unless it is `results`; "compensated"; AdamW: "decoupled"

  protected:
    enum class Decay : bool { l2, decoupled };
    Adam(const char* name, const ParameterGroups<AdamOptions>& groups, Decay decay);
    void update(std::size_t index, Parameter& parameter, const Tensor& gradient, double gradient_scale) override;
    bool keeps(std::size_t slot, std::size_t index) const override;

  private:
    enum : std::size_t { mean, square, compensation };  // the slots
    std::vector<AdamOptions> options_;                  // of the groups
    Decay decay_;
    std::vector<std::int64_t> counts_;  // of each parameter's steps
};

// Adam with decoupled weight decay; PyTorch's default of it is 0.01, here it is what the options say.
class AdamW : public Adam {
  public:
    AdamW(NamedParameters parameters, const AdamOptions& options = {.weight_decay = 0.01});
    explicit AdamW(const ParameterGroups<AdamOptions>& groups);
};

}  // namespace taper::nn
