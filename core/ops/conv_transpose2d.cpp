// Transposed convolution: the backward-data sum of a convolution, or with a bias the forward sum over the image with its zeros laid out.
#include <algorithm>

#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/ops/common.h>
#include <taper/formats/convert.h>
#include <taper/formats/error.h>

namespace taper::core {
namespace {

Shape transposed_shape(const Shape& x, const Shape& w, const ConvTranspose2dSpec& spec) {
    constexpr std::int64_t most = 1 << 20;
    if (x.rank() != 4 || w.rank() != 4 || x[1] != w[0]) {
        throw Error(fmt::format("conv_transpose2d: shapes do not fit: x is {}, w is {} (want [N, C, H, W] and [C, O, R, S])", x.str(), w.str()));
    }
    if (x[2] < 1 || x[3] < 1 || w[2] < 1 || w[3] < 1)
        throw Error(fmt::format("conv_transpose2d: the image or the kernel is empty: x is {}, w is {}", x.str(), w.str()));
    if (spec.stride < 1 || spec.stride > most)
        throw Error(fmt::format("conv_transpose2d: stride is out of range: stride is {} (want 1 to {})", spec.stride, most));
    if (spec.padding < 0 || spec.padding > most)
        throw Error(fmt::format("conv_transpose2d: padding is out of range: padding is {} (want 0 to {})", spec.padding, most));
    if (spec.output_padding < 0 || spec.output_padding >= spec.stride) {
        throw Error(fmt::format("conv_transpose2d: output_padding is out of range: output_padding is {} (want less than the stride, {})", spec.output_padding,
                                spec.stride));
    }
    const auto size = [&](int axis) { return (x[axis] - 1) * spec.stride - 2 * spec.padding + w[axis] + spec.output_padding; };
    if (size(2) < 1 || size(3) < 1) {
        throw Error(
            fmt::format("conv_transpose2d: the padding takes all of the result: x is {}, w is {}, padding is {} (want less)", x.str(), w.str(), spec.padding));
    }
    return {x[0], w[1], size(2), size(3)};
}

// Where the elements of one axis of x go: element first + i to position `place` + i stride, for `count` of them.
struct Laid {
    std::int64_t first, place, count;
    Laid(std::int64_t elements, std::int64_t size, std::int64_t offset, std::int64_t stride)
        : first(offset < 0 ? (-offset + stride - 1) / stride : 0),
          place(offset + first * stride),
          count(place >= size ? 0 : std::clamp<std::int64_t>((size - 1 - place) / stride + 1, 0, elements - first)) {}
};

// x with its elements `stride` apart and zeros elsewhere, such that a kernel of R x S over it gives y.
Tensor laid_out(const Tensor& x, const Shape& w, const Shape& y, const ConvTranspose2dSpec& spec) {
    Tensor image = Tensor::zeros({x.size(0), x.size(1), y[2] + w[2] - 1, y[3] + w[3] - 1}, x.format(), x.device());
    const Laid rows(x.size(2), image.size(2), w[2] - 1 - spec.padding, spec.stride), columns(x.size(3), image.size(3), w[3] - 1 - spec.padding, spec.stride);
    const auto from = x.shape().strides();
    auto to = image.shape().strides();
    const std::int64_t begin = rows.place * to[2] + columns.place;
    to[2] *= spec.stride, to[3] *= spec.stride;
    const Shape extent{x.size(0), x.size(1), std::max<std::int64_t>(rows.count, 0), std::max<std::int64_t>(columns.count, 0)};
    if (extent.elements() > 0) backend(x.device()).copy_strided(x, {rows.first * from[2] + columns.first, from}, image, {begin, to}, extent);
    return image;
}

// w [C, O, R, S] -> [O, C, R, S] with rows and columns from the last to the first.
Tensor flipped(const Tensor& w) {
    Tensor y = Tensor::empty({w.size(1), w.size(0), w.size(2), w.size(3)}, w.format(), w.device());
    const auto from = w.shape().strides();
    const Backend::StridedView backwards{w.size(2) * w.size(3) - 1, {from[1], from[0], -from[2], -1}};
    if (y.elements() > 0) backend(w.device()).copy_strided(w, backwards, y, {0, y.shape().strides()}, y.shape());
    return y;
}

}  // namespace

Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvTranspose2dSpec& spec, const SumOptions& options) {
    check_values("conv_transpose2d", {{"x", x}, {"w", w}});
    const Shape shape = transposed_shape(x.shape(), w.shape(), spec);
    if (!bias.defined()) return conv2d_backward_data(x, w, shape, {.stride = spec.stride, .padding = spec.padding}, options);
    check_values("conv_transpose2d", {{"x", x}, {"bias", bias}});
    if (bias.shape() != Shape{w.size(1)}) {
        throw Error(fmt::format("conv_transpose2d: bias does not fit: bias is {}, w is {} (want [{}])", bias.shape().str(), w.shape().str(), w.size(1)));
    }
    const bool holds_zero = decode_one(x.format(), encode_one(x.format(), 0)) == 0;
    const Tensor image = laid_out(holds_zero ? x : x.to(gradient_format({x.format()})), w.shape(), shape, spec);
    return conv2d(image, flipped(w), bias, {}, {options.accumulator, target_of("conv_transpose2d", options.output, x.format())});
}

}  // namespace taper::core
