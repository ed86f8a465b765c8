// Checks and allocation of the ops that move codes: permute, slice, concatenate, broadcast, gather.
#include <numeric>

#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/ops.h>
#include <taper/core/ops/common.h>
#include <taper/formats/error.h>

namespace taper::core {
namespace {

using View = Backend::StridedView;

View whole(const Tensor& x) { return {.offset = 0, .strides = x.shape().strides()}; }

int checked_axis(const char* op, const Shape& shape, int axis) {
    if (axis >= -shape.rank() && axis < shape.rank()) return shape.axis(axis);
    throw Error(fmt::format("{}: no such axis: {} of {} (want one from {} to {})", op, axis, shape.str(), -shape.rank(), shape.rank() - 1));
}

Shape with_size(const Shape& shape, int axis, std::int64_t size) {
    std::vector<std::int64_t> sizes = shape.sizes();
    sizes[static_cast<std::size_t>(axis)] = size;
    return Shape(std::move(sizes));
}

// Shapes agree but on `axis`.
bool agree_around(const Shape& a, const Shape& b, int axis) { return a.rank() == b.rank() && with_size(a, axis, 0) == with_size(b, axis, 0); }

void check_index(const char* op, const Tensor& x, const Shape& x_shape, int axis, const Tensor& index) {
    if (index.format() != Format::int32()) throw Error(fmt::format("{}: index has another format: {} (want int32)", op, index.format().name()));
    check_same_device(op, {"x", x}, {"index", index});
    if (agree_around(index.shape(), x_shape, axis)) return;
    throw Error(fmt::format("{}: index does not fit: x is {}, index is {} (want equal sizes but on axis {})", op, x_shape.str(), index.shape().str(), axis));
}

}  // namespace

Tensor permute(const Tensor& x, std::span<const int> axes) {
    const int rank = x.rank();
    std::vector<bool> used(static_cast<std::size_t>(rank), false);
    std::vector<std::int64_t> sizes, strides;
    const std::vector<std::int64_t> x_strides = x.shape().strides();
    bool good = static_cast<int>(axes.size()) == rank;
    for (std::size_t i = 0; i < axes.size() && good; ++i) {
        const int axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        good = axis >= 0 && axis < rank && !used[static_cast<std::size_t>(axis)];
        if (!good) break;
        used[static_cast<std::size_t>(axis)] = true;
        sizes.push_back(x.size(axis));
        strides.push_back(x_strides[static_cast<std::size_t>(axis)]);
    }
    if (!good) throw Error(fmt::format("permute: axes are no permutation: [{}] for {} (want each of its {} axes once)", fmt::join(axes, ", "), x.shape().str(), rank));
    Tensor y = Tensor::empty(Shape(std::move(sizes)), x.format(), x.device());
    backend(x.device()).copy_strided(x, {.offset = 0, .strides = std::move(strides)}, y, whole(y), y.shape());
    return y;
}

Tensor transpose(const Tensor& x, int axis_a, int axis_b) {
    std::vector<int> axes(static_cast<std::size_t>(x.rank()));
    std::iota(axes.begin(), axes.end(), 0);
    std::swap(axes[static_cast<std::size_t>(checked_axis("transpose", x.shape(), axis_a))], axes[static_cast<std::size_t>(checked_axis("transpose", x.shape(), axis_b))]);
    return permute(x, axes);
}

Tensor slice(const Tensor& x, int axis, std::int64_t begin, std::int64_t end) {
    const int a = checked_axis("slice", x.shape(), axis);
    if (begin < 0 || begin > end || end > x.size(a)) {
        throw Error(fmt::format("slice: no such range: [{}, {}) of axis {} of {} (want 0 <= begin <= end <= {})", begin, end, a, x.shape().str(), x.size(a)));
    }
    Tensor y = Tensor::empty(with_size(x.shape(), a, end - begin), x.format(), x.device());
    View from = whole(x);
    from.offset = begin * from.strides[static_cast<std::size_t>(a)];
    backend(x.device()).copy_strided(x, from, y, whole(y), y.shape());
    return y;
}

Tensor slice_backward(const Tensor& dy, const Shape& shape, int axis, std::int64_t begin, const Output& output) {
    const int a = checked_axis("slice_backward", shape, axis);
    if (!agree_around(dy.shape(), shape, a) || begin < 0 || begin > shape[a] - dy.size(a)) {
        throw Error(fmt::format("slice_backward: dy does not fit: {} at {} of axis {} of {} (want equal sizes but there, within it)", dy.shape().str(), begin, a, shape.str()));
    }
    const Target target = output.value_or(Target(dy.format()));
    const Tensor values = target.format == dy.format() ? dy : dy.to(target.format, rounding_mode(target));
    Tensor dx = Tensor::zeros(shape, target.format, dy.device());
    View to = whole(dx);
    to.offset = begin * to.strides[static_cast<std::size_t>(a)];
    backend(dy.device()).copy_strided(values, whole(values), dx, to, dy.shape());
    return dx;
}

Tensor concatenate(std::span<const Tensor> parts, int axis) {
    if (parts.empty()) throw Error("concatenate: there are no parts (want one or more)");
    const Tensor& first = parts.front();
    const int a = checked_axis("concatenate", first.shape(), axis);
    std::int64_t size = 0;
    for (const Tensor& part : parts) {
        if (part.format() != first.format() || part.device() != first.device()) {
            throw Error(fmt::format("concatenate: parts differ: {} on {} and {} on {} (want one format and device)", first.format().name(), first.device().name(), part.format().name(),
                                    part.device().name()));
        }
        if (!agree_around(part.shape(), first.shape(), a)) {
            throw Error(fmt::format("concatenate: shapes differ: {} and {} (want equal sizes but on axis {})", first.shape().str(), part.shape().str(), a));
        }
        size += part.size(a);
    }
    Tensor y = Tensor::empty(with_size(first.shape(), a, size), first.format(), first.device());
    View to = whole(y);
    for (const Tensor& part : parts) {
        backend(y.device()).copy_strided(part, whole(part), y, to, part.shape());
        to.offset += part.size(a) * to.strides[static_cast<std::size_t>(a)];
    }
    return y;
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
    if (x.shape() == shape) return x;
    if (x.rank() > shape.rank() || broadcast(x.shape(), shape, "broadcast_to") != shape) {
        throw Error(fmt::format("broadcast_to: the shape does not hold x: {} to {} (want each axis of x to be equal or 1)", x.shape().str(), shape.str()));
    }
    Tensor y = Tensor::empty(shape, x.format(), x.device());
    const std::vector<std::int64_t> x_strides = x.shape().strides();
    View from{.offset = 0, .strides = std::vector<std::int64_t>(static_cast<std::size_t>(shape.rank()), 0)};
    for (int i = 1; i <= x.rank(); ++i) {
        if (x.size(-i) != 1) from.strides[static_cast<std::size_t>(shape.rank() - i)] = x_strides[static_cast<std::size_t>(x.rank() - i)];
    }
    backend(x.device()).copy_strided(x, from, y, whole(y), shape);
    return y;
}

Tensor gather(const Tensor& x, int axis, const Tensor& index) {
    const int a = checked_axis("gather", x.shape(), axis);
    check_index("gather", x, x.shape(), a, index);
    Tensor y = Tensor::empty(index.shape(), x.format(), x.device());
    backend(x.device()).gather(x, a, index, y);
    return y;
}

Tensor gather_backward(const Tensor& dy, int axis, const Tensor& index, const Shape& shape, const Output& output) {
    const int a = checked_axis("gather_backward", shape, axis);
    check_index("gather_backward", dy, shape, a, index);
    if (dy.shape() != index.shape()) {
        throw Error(fmt::format("gather_backward: shapes differ: dy is {}, index is {} (want one)", dy.shape().str(), index.shape().str()));
    }
    check_values("gather_backward", {{"dy", dy}});
    const Target target = target_of("gather_backward", output, dy.format());
    Tensor dx = Tensor::empty(shape, target.format, dy.device());
    backend(dy.device()).gather_backward(dy, a, index, dx, rounding_mode(target));
    return dx;
}

}  // namespace taper::core
