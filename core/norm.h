// Normalisation by statistics of x, without gradients: batch norm, group norm, layer norm (ops.h includes this).
#pragma once

#include <cstdint>

#include <taper/core/target.h>
#include <taper/core/tensor.h>

namespace taper::core {

// Which elements of x [N, C, ...] share a mean and a variance.
struct NormSpec {
    std::int64_t groups = 0;  // 0: a channel of the whole batch; G: C / G neighbouring channels of one sample, G divides C (layer norm: 1)
    double eps = 1e-5;
};

// float64, in the shape of the groups: [C] where groups is 0, else [N, G].
struct Moments {
    Tensor mean, variance;
};
// mean = p + sum d / n, variance = (sum d^2 - (sum d)^2 / n) / n, d = x - p, with p the group's first element and n its size; each sum in
// float64 over the group in row-major order, in blocks of 4096 and 8 lanes as in reduce.  The error of the variance is at most about
// n 2^-52 of it, however far the mean is from 0.  NaN, NaR or an infinity makes both NaN.  Throws Error for an empty group.
Moments norm_moments(const Tensor& x, const NormSpec& spec = {});

// running <- (1 - share) running + share (factor value): the products in float64, their sum rounded once; running float32, value float64, of one shape.
void move_running(Tensor& running, const Tensor& value, double share, double factor = 1);

// y = (x - mean) (weight / sqrt(variance + eps)) + bias in float64, rounded once; weight [C], bias [C] in any formats, undefined: 1 and 0.
Tensor norm(const Tensor& x, const Moments& moments, const Tensor& weight, const Tensor& bias, const NormSpec& spec = {}, const Output& output = {},
            Activation activation = Activation::none);

// float64 [C]: dweight = sum dy (x - mean) / sqrt(variance + eps), dbias = sum dy.
struct NormSums {
    Tensor dweight, dbias;
};
NormSums norm_backward_weights(const Tensor& dy, const Tensor& x, const Moments& moments, const NormSpec& spec = {});
// With g = dy weight and k = 1 / sqrt(variance + eps):  dx = k (g - mean of g - (x - mean) k^2 mean of g (x - mean)), means over the group.
// The means are formed in float64 (of batch norm: from `sums`), the rest in the compute type.  Undefined sums mean, in batch norm, that the
// moments do not depend on x (evaluation): dx = k g, NaN where x is no finite number.
Tensor norm_backward_data(const Tensor& dy, const Tensor& x, const Moments& moments, const Tensor& weight, const NormSums& sums, const NormSpec& spec = {},
                          const Output& output = {});

}  // namespace taper::core
