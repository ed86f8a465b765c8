// Conv2d: two-dimensional convolution.
#pragma once

#include <cstdint>

#include <taper/nn/linear.h>

namespace taper::nn {

using core::Conv2dSpec;

// Throws Error, beginning with `module`, if groups do not divide in and out.
void check_groups(const char* module, std::int64_t in, std::int64_t out, std::int64_t groups);

// y[n,o,i,j] = bias[o] + sum_{c,r,s} x[n, g in / groups + c, i stride + r dilation - padding, j stride + s dilation - padding] weight[o,c,r,s], rounded once
// into `activations`; g = o / (out / groups) is the group of o: groups = in is a depthwise convolution.
//   x [N, in, H, W], weight [out, in / groups, kernel, kernel], bias [out] -> y [N, out, (H + 2 padding - dilation (kernel - 1) - 1) / stride + 1, likewise for
//   W]; the gradient of y is rounded into `errors`. Weight and bias start uniform in +-1/sqrt(in / groups * kernel^2), PyTorch's default. Throws Error if
//   groups do not divide in and out. Usage: Conv2d conv{1, 6, 5, {.padding = 2}};
class Conv2d : public Module {
  public:
    Conv2d(std::int64_t in, std::int64_t out, std::int64_t kernel, const Conv2dSpec& spec = {}, Bias bias = Bias::yes,
           Generator& generator = default_generator());
    Parameter& weight() { return weight_; }
    Parameter* bias() { return bias_; }  // null for Bias::no
    const Conv2dSpec& spec() const { return spec_; }

  protected:
    Variable forward(const Variable& x) override { return forward(x, Activation::none); }
    Variable forward_with_relu(const Variable& x) override { return forward(x, Activation::relu); }

  private:
    Variable forward(const Variable& x, Activation then);
    Conv2dSpec spec_;
    Parameter& weight_;
    Parameter* bias_;
};

}  // namespace taper::nn
