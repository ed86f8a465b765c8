// Sgd: stochastic gradient descent with momentum, in formats of one's choice.
#pragma once

#include <vector>

#include <taper/nn/optim/optimizer.h>

namespace taper::nn {

struct SgdOptions {
    double lr = 0.01;
    double momentum = 0;
    double weight_decay = 0;
    bool nesterov = false;
    core::StepRounding rounding = core::StepRounding::results;
    bool compensated = false;  // Kahan's sum: keeps what each update loses in the master, in `state`
};

// g += wd w; v = mu v + g; w -= lr v (Nesterov: w -= lr (g + mu v)), w the master.  The first step's v is g.
//   results (Qtorch+'s order): in float32 without fma; then master = r_master(w), weight = r_weight(master), velocity = r_state(v).
//   every_operation, fused: each operation up to the direction v (or g + mu v) is rounded into `state`, lr v and w into `master`; lr enters as
//   r_master(lr), mu and wd as r_state of them, each to nearest.  Without momentum there is no state (but a compensation): `master` takes its place.
//   compensated: y = c - lr v; w' = w + y; c = y - (w' - w), as core::StepWeights says.
// A velocity exists from a parameter's first step on, and only where momentum is not 0.
// Stochastic roundings draw from the default generator.
//   Usage: Sgd sgd(model.parameters(), {.lr = 0.1, .momentum = 0.9});
class Sgd : public Optimizer {
  public:
    Sgd(NamedParameters parameters, const SgdOptions& options);
    explicit Sgd(const ParameterGroups<SgdOptions>& groups);
    // lr is where it started; learning_rate() is what it is.  momentum is what set_momentum said last.
    const SgdOptions& options(std::size_t group = 0) const { return options_.at(group); }

    void set_momentum(double value) override;
    Metadata settings() const override;  // "rounding", unless it is `results`; "compensated"

  protected:
    void update(std::size_t index, Parameter& parameter, const Tensor& gradient, double gradient_scale) override;
    bool keeps(std::size_t slot, std::size_t index) const override;

  private:
    enum : std::size_t { velocity, compensation };  // the slots
    std::vector<SgdOptions> options_;               // of the groups
};

}  // namespace taper::nn
