// Checks and allocation of the reductions.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/ops/common.h>
#include <taper/formats/error.h>

namespace taper::core {
namespace {

const char* name(Reduction kind) {
    switch (kind) {
        case Reduction::sum: return "sum";
        case Reduction::mean: return "mean";
        case Reduction::variance: return "variance";
        case Reduction::squares: return "squares";
        default: return "max";
    }
}

// Which axes are reduced; all where none is named.
std::vector<bool> reduced_axes(const char* op, const Shape& shape, std::span<const int> axes) {
    std::vector<bool> reduced(static_cast<std::size_t>(shape.rank()), axes.empty());
    for (const int a : axes) {
        if (a < -shape.rank() || a >= shape.rank()) {
            throw Error(fmt::format("{}: no such axis: {} of {} (want one from {} to {})", op, a, shape.str(), -shape.rank(), shape.rank() - 1));
        }
        const std::size_t axis = static_cast<std::size_t>(shape.axis(a));
        if (reduced[axis]) throw Error(fmt::format("{}: an axis is named twice: {} of {} (want different axes)", op, a, shape.str()));
        reduced[axis] = true;
    }
    return reduced;
}

// x seen as [outer, n, inner]; where the reduced axes are apart, x permuted so that they come last.
struct Seen {
    Tensor x;
    Backend::ReduceShape shape;
};

Seen see(const Tensor& x, const std::vector<bool>& reduced) {
    Backend::ReduceShape shape = {1, 1, 1};
    bool begun = false, ended = false, apart = false;
    for (int axis = 0; axis < x.rank(); ++axis) {
        const std::int64_t size = x.size(axis);
        if (size == 1) continue;
        if (reduced[static_cast<std::size_t>(axis)]) {
            apart |= ended;
            begun = true;
            shape.n *= size;
        } else {
            ended |= begun;
            (begun ? shape.inner : shape.outer) *= size;
        }
    }
    if (!apart) return {x, shape};
    std::vector<int> order;
    for (const bool last : {false, true}) {
        for (int axis = 0; axis < x.rank(); ++axis) {
            if (reduced[static_cast<std::size_t>(axis)] == last) order.push_back(axis);
        }
    }
    return {permute(x, order), {shape.outer * shape.inner, shape.n, 1}};
}

Shape reduced_shape(const Shape& shape, const std::vector<bool>& reduced, bool keep_axes) {
    std::vector<std::int64_t> sizes;
    for (int axis = 0; axis < shape.rank(); ++axis) {
        const bool gone = reduced[static_cast<std::size_t>(axis)];
        if (!gone || keep_axes) sizes.push_back(gone ? 1 : shape[axis]);
    }
    return Shape(std::move(sizes));
}

}  // namespace

Tensor reduce(Reduction kind, const Tensor& x, std::span<const int> axes, bool keep_axes, const Output& output) {
    const char* op = name(kind);
    check_values(op, {{"x", x}});
    const std::vector<bool> reduced = reduced_axes(op, x.shape(), axes);
    const Target target = target_of(op, output, x.format());
    Tensor y = Tensor::empty(reduced_shape(x.shape(), reduced, keep_axes), target.format, x.device());
    if (y.elements() == 0) return y;
    if (x.elements() == 0) {
        if (kind != Reduction::sum && kind != Reduction::squares) throw Error(fmt::format("{}: nothing to reduce: x is {} (want at least one element)", op, x.shape().str()));
        return Tensor::zeros(y.shape(), target.format, x.device());
    }
    const Seen seen = see(x, reduced);
    backend(x.device()).reduce(kind, seen.x, seen.shape, y, rounding_mode(target));
    return y;
}

Tensor argmax(const Tensor& x, int axis) {
    check_values("argmax", {{"x", x}});
    const int axes[] = {axis};
    const std::vector<bool> reduced = reduced_axes("argmax", x.shape(), axes);
    Tensor y = Tensor::empty(reduced_shape(x.shape(), reduced, false), Format::int32(), x.device());
    const std::int64_t n = x.size(axis);
    if (n > std::numeric_limits<std::int32_t>::max()) throw Error(fmt::format("argmax: the axis is too long: x is {} (want less than 2^31)", x.shape().str()));
    if (y.elements() == 0) return y;
    if (n == 0) throw Error(fmt::format("argmax: nothing to reduce: x is {} (want at least one element)", x.shape().str()));
    backend(x.device()).argmax(x, see(x, reduced).shape, y);
    return y;
}

Tensor sum_to(const Tensor& x, const Shape& shape, const Output& output) {
    check_values("sum_to", {{"x", x}});
    const int missing = x.rank() - shape.rank();
    std::vector<int> axes;
    bool fits = missing >= 0;
    for (int axis = 0; fits && axis < x.rank(); ++axis) {
        const std::int64_t size = x.size(axis), wanted = axis < missing ? 1 : shape[axis - missing];
        fits = size == wanted || wanted == 1;
        if (axis < missing || size != wanted) axes.push_back(axis);
    }
    if (!fits) throw Error(fmt::format("sum_to: the shape does not broadcast to x: x is {}, shape is {} (want sizes of x, or 1)", x.shape().str(), shape.str()));
    if (axes.empty()) {
        const Target target = target_of("sum_to", output, x.format());
        return x.to(target.format, rounding_mode(target));
    }
    return reduce(Reduction::sum, x, axes, true, output).reshape(shape);
}

}  // namespace taper::core
