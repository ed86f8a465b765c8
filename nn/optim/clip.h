// Clipping of gradients, by their norm and by value.
#pragma once

#include <taper/nn/module.h>

namespace taper::nn {

// sqrt(sum g^2) over all gradients of the parameters, in float64: each tensor over fixed blocks of 4096 elements, the tensors in their order.
// Parameters without a gradient count as 0.  A NaN or NaR makes it NaN.
double gradient_norm(const NamedParameters& parameters);

// min(1, maximum / (norm + 1e-6)), PyTorch's factor of clip_grad_norm_; NaN for a norm of NaN.  As the scale of a step it costs no further
// rounding of the gradients:  sgd.step(clip_scale(gradient_norm(sgd.parameters()), 1.0));
double clip_scale(double norm, double maximum);

// Each element g = max(min(g, limit), -limit), in the gradient's format; limit > 0 enters rounded toward zero.  NaN and NaR stay.
void clip_by_value(const NamedParameters& parameters, double limit);

// Whether no gradient holds a NaN, a NaR or an infinity.
bool gradients_are_finite(const NamedParameters& parameters);

}  // namespace taper::nn
