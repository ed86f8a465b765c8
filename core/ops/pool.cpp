// Checks and allocation of pooling.
#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/ops/common.h>
#include <taper/formats/error.h>

namespace taper::core {
namespace {

// [N, C, (H + 2p - k)/s + 1, (W + 2p - k)/s + 1]; throws Error on a spec or an image that does not fit.
Shape pooled_shape(const char* op, const Shape& x, const Pool2dSpec& spec) {
    constexpr std::int64_t most = 1 << 20;
    if (x.rank() != 4) throw Error(fmt::format("{}: x has {} axes: x is {} (want [N, C, H, W])", op, x.rank(), x.str()));
    if (spec.kernel < 1 || spec.kernel > 15) throw Error(fmt::format("{}: kernel is out of range: kernel is {} (want 1 to 15)", op, spec.kernel));
    if (spec.stride < 1 || spec.stride > most) throw Error(fmt::format("{}: stride is out of range: stride is {} (want 1 to {})", op, spec.stride, most));
    if (spec.padding < 0 || spec.padding > spec.kernel / 2) {
        throw Error(fmt::format("{}: padding is out of range: padding is {} (want 0 to kernel / 2 = {})", op, spec.padding, spec.kernel / 2));
    }
    const std::int64_t rows = x[2] + 2 * spec.padding - spec.kernel, columns = x[3] + 2 * spec.padding - spec.kernel;
    if (x[2] == 0 || x[3] == 0 || rows < 0 || columns < 0) {
        throw Error(fmt::format("{}: the kernel is larger than the padded image: x is {}, kernel is {}, padding is {} (want kernel <= H + 2 padding and W + 2 padding)", op,
                                x.str(), spec.kernel, spec.padding));
    }
    return {x[0], x[1], rows / spec.stride + 1, columns / spec.stride + 1};
}

void check_dy(const char* op, const Tensor& dy, const Shape& x, const Shape& y) {
    check_values(op, {{"dy", dy}});
    if (dy.shape() != y) throw Error(fmt::format("{}: dy does not fit: dy is {}, x is {} (want dy {})", op, dy.shape().str(), x.str(), y.str()));
}

}  // namespace

MaxPooled max_pool2d(const Tensor& x, const Pool2dSpec& spec) {
    check_values("max_pool2d", {{"x", x}});
    const Shape shape = pooled_shape("max_pool2d", x.shape(), spec);
    MaxPooled result = {Tensor::empty(shape, x.format(), x.device()), Tensor::empty(shape, Format::uint8(), x.device())};
    if (result.y.elements() > 0) backend(x.device()).max_pool2d(spec, x, result.y, result.index);
    return result;
}

Tensor max_pool2d_backward(const Tensor& dy, const Tensor& index, const Shape& x_shape, const Pool2dSpec& spec, const Output& output) {
    check_dy("max_pool2d_backward", dy, x_shape, pooled_shape("max_pool2d_backward", x_shape, spec));
    if (!index.defined() || index.format() != Format::uint8() || index.shape() != dy.shape()) {
        throw Error(fmt::format("max_pool2d_backward: index does not fit: index is {}, dy is {} (want uint8 of dy's shape)",
                                index.defined() ? index.format().name() + " " + index.shape().str() : "undefined", dy.shape().str()));
    }
    check_same_device("max_pool2d_backward", {"dy", dy}, {"index", index});
    const Target target = target_of("max_pool2d_backward", output, dy.format());
    Tensor dx = Tensor::empty(x_shape, target.format, dy.device());
    if (dx.elements() > 0) backend(dy.device()).max_pool2d_backward(spec, dy, index, dx, rounding_mode(target));
    return dx;
}

Tensor avg_pool2d(const Tensor& x, const Pool2dSpec& spec, const Output& output) {
    check_values("avg_pool2d", {{"x", x}});
    const Shape shape = pooled_shape("avg_pool2d", x.shape(), spec);
    const Target target = target_of("avg_pool2d", output, x.format());
    Tensor y = Tensor::empty(shape, target.format, x.device());
    if (y.elements() > 0) backend(x.device()).avg_pool2d(spec, x, y, rounding_mode(target));
    return y;
}

Tensor avg_pool2d_backward(const Tensor& dy, const Shape& x_shape, const Pool2dSpec& spec, const Output& output) {
    check_dy("avg_pool2d_backward", dy, x_shape, pooled_shape("avg_pool2d_backward", x_shape, spec));
    const Target target = target_of("avg_pool2d_backward", output, dy.format());
    Tensor dx = Tensor::empty(x_shape, target.format, dy.device());
    if (dx.elements() > 0) backend(dy.device()).avg_pool2d_backward(spec, dy, dx, rounding_mode(target));
    return dx;
}

Tensor adaptive_avg_pool2d(const Tensor& x, const AdaptivePool2dSpec& spec, const Output& output) {
    check_values("adaptive_avg_pool2d", {{"x", x}});
    if (x.rank() != 4 || x.size(2) == 0 || x.size(3) == 0) throw Error(fmt::format("adaptive_avg_pool2d: no images: x is {} (want [N, C, H, W])", x.shape().str()));
    if (spec.rows < 1 || spec.columns < 1) throw Error(fmt::format("adaptive_avg_pool2d: the result is empty: {} x {} (want 1 or more)", spec.rows, spec.columns));
    const Target target = target_of("adaptive_avg_pool2d", output, x.format());
    Tensor y = Tensor::empty({x.size(0), x.size(1), spec.rows, spec.columns}, target.format, x.device());
    if (y.elements() > 0) backend(x.device()).adaptive_avg_pool2d(x, y, rounding_mode(target));
    return y;
}

Tensor adaptive_avg_pool2d_backward(const Tensor& dy, const Shape& x_shape, const Output& output) {
    check_values("adaptive_avg_pool2d_backward", {{"dy", dy}});
    if (dy.rank() != 4 || x_shape.rank() != 4 || dy.size(0) != x_shape[0] || dy.size(1) != x_shape[1]) {
        throw Error(fmt::format("adaptive_avg_pool2d_backward: dy does not fit: dy is {}, x is {} (want the same N and C)", dy.shape().str(), x_shape.str()));
    }
    const Target target = target_of("adaptive_avg_pool2d_backward", output, dy.format());
    Tensor dx = Tensor::empty(x_shape, target.format, dy.device());
    if (dx.elements() > 0) backend(dy.device()).adaptive_avg_pool2d_backward(dy, dx, rounding_mode(target));
    return dx;
}

}  // namespace taper::core
