// Pooling of images x [N, C, H, W], without gradients (ops.h includes this).
#pragma once

#include <cstdint>

#include <taper/core/target.h>
#include <taper/core/tensor.h>

namespace taper::core {

struct Pool2dSpec {
    std::int64_t kernel = 2;
    std::int64_t stride = 2;
    std::int64_t padding = 0;  // at most kernel / 2; padded positions never win and do not count in the average's sum, but in its divisor
};
struct MaxPooled {
    Tensor y;
    Tensor index;  // uint8: position of the winner within its window, row * kernel + column; kernel <= 15
};
MaxPooled max_pool2d(const Tensor& x, const Pool2dSpec& spec = {});  // first of equals; NaN or NaR wins
Tensor max_pool2d_backward(const Tensor& dy, const Tensor& index, const Shape& x_shape, const Pool2dSpec& spec = {}, const Output& output = {});
Tensor avg_pool2d(const Tensor& x, const Pool2dSpec& spec = {}, const Output& output = {});
Tensor avg_pool2d_backward(const Tensor& dy, const Shape& x_shape, const Pool2dSpec& spec = {}, const Output& output = {});
// y[n,c,i,j] = mean of x's rows floor(i H / P) to ceil((i + 1) H / P) - 1 and columns likewise, [N,C,P,Q], as PyTorch's.
struct AdaptivePool2dSpec {
    std::int64_t rows = 1, columns = 1;  // P, Q
};
Tensor adaptive_avg_pool2d(const Tensor& x, const AdaptivePool2dSpec& spec, const Output& output = {});
Tensor adaptive_avg_pool2d_backward(const Tensor& dy, const Shape& x_shape, const Output& output = {});

}  // namespace taper::core
