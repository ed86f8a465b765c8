// Conv2d: two-dimensional convolution.
#pragma once

#include <cstdint>

#include <taper/nn/linear.h>

namespace taper::nn {

using core::Conv2dSpec;

// y[n,o,i,j] = bias[o] + sum_{c,r,s} x[n, c, i stride + r - padding, j stride + s - padding] weight[o,c,r,s], rounded once into `activations`.
//   x [N, in, H, W], weight [out, in / groups, kernel, kernel], bias [out] -> y [N, out, (H + 2 padding - kernel) / stride + 1, likewise for W];
//   the gradient of y is rounded into `errors`.
//   Weight and bias start uniform in +-1/sqrt(in / groups * kernel^2), PyTorch's default.
//   Usage: Conv2d conv{1, 6, 5, {.padding = 2}};
class Conv2d : public Module {
  public:
    Conv2d(std::int64_t in, std::int64_t out, std::int64_t kernel, const Conv2dSpec& spec = {}, Bias bias = Bias::yes,
           Generator& generator = default_generator());
    Parameter& weight() { return weight_; }
    Parameter* bias() { return bias_; }  // null for Bias::no
    const Conv2dSpec& spec() const { return spec_; }

  protected:
    Variable forward(const Variable& x) override;

  private:
    Conv2dSpec spec_;
    Parameter& weight_;
    Parameter* bias_;
};

}  // namespace taper::nn
