// Initial values of weights, float32, drawn from a Generator (one stream a call); on the default device, the same numbers on each.
#pragma once

#include <cstdint>

#include <taper/core/random.h>
#include <taper/core/tensor.h>

namespace taper::nn::init {

// What one output of a weight [out, in, kernel...] sums over, and what one input feeds: in * kernel sizes, out * kernel sizes.
// Throw Error for fewer than two axes.
std::int64_t fan_in(const Shape& shape);
std::int64_t fan_out(const Shape& shape);

// U(-1/sqrt(fan_in), 1/sqrt(fan_in)): PyTorch's default for linear and convolution, weights and biases.
Tensor default_uniform(const Shape& shape, std::int64_t fan_in, Generator& generator = default_generator());
// U(-b, b), b = gain sqrt(6 / (fan_in + fan_out)); N(0, s), s = gain sqrt(2 / (fan_in + fan_out)).  Glorot and Bengio 2010.
Tensor xavier_uniform(const Shape& shape, double gain = 1, Generator& generator = default_generator());
Tensor xavier_normal(const Shape& shape, double gain = 1, Generator& generator = default_generator());
// U(-b, b), b = gain sqrt(3 / fan_in); N(0, s), s = gain / sqrt(fan_in); the default gain, sqrt(2), suits ReLU.  He et al. 2015.
Tensor kaiming_uniform(const Shape& shape, double gain = 1.4142135623730951, Generator& generator = default_generator());
Tensor kaiming_normal(const Shape& shape, double gain = 1.4142135623730951, Generator& generator = default_generator());
Tensor normal(const Shape& shape, double deviation, Generator& generator = default_generator());  // N(0, deviation)
Tensor zeros(const Shape& shape);
Tensor constant(const Shape& shape, double value);

}  // namespace taper::nn::init
