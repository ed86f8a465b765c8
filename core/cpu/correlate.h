// The float32 drivers of convolution: correlation of framed images with packed weights, and the gradient of the weights.
#pragma once

#include <taper/core/cpu/conv_frame.h>
#include <taper/core/conv_sizes.h>
#include <taper/core/tensor.h>

namespace taper::cpu {

// y[n, o, p, q] = bias[o] + sum over (c, r, s) of x w in float32, rounded once.  Each returns how many NaN had no code.
std::size_t correlate_forward(const ConvSizes& sizes, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y, const RoundingMode& mode);
// dx[n, c, h, w] with bias[c]: the same kernels over dy, framed with zeros between its elements for strides, and the flipped weights.
std::size_t correlate_backward_data(const ConvSizes& sizes, const Tensor& dy, const Tensor& w, const Tensor& bias, Tensor& dx, const RoundingMode& mode);
// dw[o, c, r, s]: dot products of runs of dy and x, partial sums over blocks of images that depend on the shape alone, added in order.
std::size_t correlate_backward_weights(const ConvSizes& sizes, const Tensor& dy, const Tensor& x, Tensor& dw, const RoundingMode& mode);

}  // namespace taper::cpu
