// Linear: the fully connected layer.
#pragma once

#include <cstdint>

#include <taper/core/random.h>
#include <taper/nn/module.h>

namespace taper::nn {

enum class Bias : bool { no, yes };

// y = x weight^T + bias, the bias inside the sum, rounded once into `activations`.
//   x [.., in], weight [out, in], bias [out] -> y [.., out]; the gradient of y is rounded into `errors`.
//   Weight and bias start uniform in +-1/sqrt(in), PyTorch's default.
//   Throws Error if x's last size is not `in`.
class Linear : public Module {
  public:
    Linear(std::int64_t in, std::int64_t out, Bias bias = Bias::yes, Generator& generator = default_generator());
    Parameter& weight() { return weight_; }
    Parameter* bias() { return bias_; }  // null for Bias::no

  protected:
    Variable forward(const Variable& x) override { return forward(x, Activation::none); }
    Variable forward_with_relu(const Variable& x) override { return forward(x, Activation::relu); }

  private:
    Variable forward(const Variable& x, Activation then);
    Parameter& weight_;
    Parameter* bias_;
};

}  // namespace taper::nn
