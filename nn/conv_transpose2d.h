// ConvTranspose2d: transposed convolution, which enlarges an image.
#pragma once

#include <cstdint>

#include <taper/nn/linear.h>

namespace taper::nn {

using core::ConvTranspose2dSpec;

// y = the data gradient of the convolution with this kernel, x being its dy: each x[n,c,i,j] weight[c,o,r,s] is a term of
// y[n, o, i stride + r dilation - padding, j stride + s dilation - padding] for c and o of one group, and bias[o] one of all; rounded once into `activations`.
//   x [N, in, H, W], weight [in, out / groups, kernel, kernel], bias [out]
//   -> y [N, out, (H - 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding, likewise for W];
//   the sum is conv2d_backward_data's in every accumulator, `forward` of the precision; the gradient of y is rounded into `errors`.
//   Weight and bias start uniform in +-1/sqrt(out / groups * kernel^2), PyTorch's default.
//   Throws Error if groups do not divide in and out.
//   Usage: ConvTranspose2d up{64, 32, 4, {.stride = 2, .padding = 1}, Bias::no}
class ConvTranspose2d : public Module {
  public:
    ConvTranspose2d(std::int64_t in, std::int64_t out, std::int64_t kernel, const ConvTranspose2dSpec& spec = {}, Bias bias = Bias::yes,
                    Generator& generator = default_generator());
    Parameter& weight() { return weight_; }
    Parameter* bias() { return bias_; }  // null for Bias::no
    const ConvTranspose2dSpec& spec() const { return spec_; }

  protected:
    Variable forward(const Variable& x) override { return forward(x, Activation::none); }
    Variable forward_with_relu(const Variable& x) override { return forward(x, Activation::relu); }

  private:
    Variable forward(const Variable& x, Activation then);
    ConvTranspose2dSpec spec_;
    Parameter& weight_;
    Parameter* bias_;
};

}  // namespace taper::nn
