// Optimizer: what updates parameters from their gradients.
#pragma once

#include <cstdint>

#include <taper/core/io.h>
#include <taper/nn/module.h>

namespace taper::nn {

class Optimizer {
  public:
    Optimizer(NamedParameters parameters, double learning_rate);
    virtual ~Optimizer() = default;
    Optimizer(const Optimizer&) = delete;
    Optimizer& operator=(const Optimizer&) = delete;

    // One update of every parameter that requires a gradient and has one; the gradient is multiplied by `gradient_scale` first.
    // A gradient that backward() accumulated, hence holds in float32, is rounded here once into `gradients`, after that multiplication.
    void step(double gradient_scale = 1);
    void zero_grad();  // drops the gradients

    double learning_rate() const { return learning_rate_; }
    void set_learning_rate(double rate) { learning_rate_ = rate; }
    std::int64_t steps() const { return steps_; }

    // What a resumed run needs to continue bit for bit (the parameters apart): "steps", and what the optimizer keeps per parameter,
    // in its own format.
    virtual NamedTensors state() const;
    // Throws Error on a missing, unknown or misshapen tensor or one in another format than the role `state` has, and then sets none.
    virtual void load(const NamedTensors& tensors);
    // The choices that a resumed run must share, those that are not the default; checkpoints keep them and refuse others.
    virtual Metadata settings() const { return {}; }

  protected:
    virtual void update(std::size_t index, Parameter& parameter, const Tensor& gradient, double gradient_scale) = 0;
    NamedParameters parameters_;
    double learning_rate_;
    std::int64_t steps_ = 0;
};

}  // namespace taper::nn
