// Transposed convolution: the backward-data sum of a convolution, with a bias.
#include <fmt/format.h>

#include <taper/core/ops/common.h>
#include <taper/formats/error.h>

namespace taper::core {
namespace {

Shape transposed_shape(const Shape& x, const Shape& w, const ConvTranspose2dSpec& spec) {
    constexpr std::int64_t most = 1 << 20;
    if (x.rank() != 4 || w.rank() != 4 || x[1] != w[0]) {
        throw Error(fmt::format("conv_transpose2d: shapes do not fit: x is {}, w is {} (want [N, C, H, W] and [C, O / groups, R, S])", x.str(), w.str()));
    }
    if (x[2] < 1 || x[3] < 1 || w[2] < 1 || w[3] < 1)
        throw Error(fmt::format("conv_transpose2d: the image or the kernel is empty: x is {}, w is {}", x.str(), w.str()));
    if (spec.stride < 1 || spec.stride > most)
        throw Error(fmt::format("conv_transpose2d: stride is out of range: stride is {} (want 1 to {})", spec.stride, most));
    if (spec.padding < 0 || spec.padding > most)
        throw Error(fmt::format("conv_transpose2d: padding is out of range: padding is {} (want 0 to {})", spec.padding, most));
    if (spec.dilation < 1 || spec.dilation > most)
        throw Error(fmt::format("conv_transpose2d: dilation is out of range: dilation is {} (want 1 to {})", spec.dilation, most));
    if (spec.groups < 1 || x[1] % spec.groups != 0) {
        throw Error(fmt::format("conv_transpose2d: groups do not divide the channels: x is {}, groups is {} (want a divisor of x[1])", x.str(), spec.groups));
    }
    if (spec.output_padding < 0 || spec.output_padding >= spec.stride) {
        throw Error(fmt::format("conv_transpose2d: output_padding is out of range: output_padding is {} (want less than the stride, {})", spec.output_padding,
                                spec.stride));
    }
    const auto size = [&](int axis) { return (x[axis] - 1) * spec.stride - 2 * spec.padding + spec.dilation * (w[axis] - 1) + 1 + spec.output_padding; };
    if (size(2) < 1 || size(3) < 1) {
        throw Error(
            fmt::format("conv_transpose2d: the padding takes all of the result: x is {}, w is {}, padding is {} (want less)", x.str(), w.str(), spec.padding));
    }
    return {x[0], w[1] * spec.groups, size(2), size(3)};
}

}  // namespace

Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvTranspose2dSpec& spec, const SumOptions& options) {
    check_values("conv_transpose2d", {{"x", x}, {"w", w}});
    const Shape shape = transposed_shape(x.shape(), w.shape(), spec);
    if (bias.defined()) check_values("conv_transpose2d", {{"x", x}, {"bias", bias}});
    if (bias.defined() && bias.shape() != Shape{shape[1]}) {
        throw Error(fmt::format("conv_transpose2d: bias does not fit: bias is {}, y is {} (want [{}])", bias.shape().str(), shape.str(), shape[1]));
    }
    return conv2d_backward_data(x, w, shape, spec.convolution(), options, bias);
}

}  // namespace taper::core
