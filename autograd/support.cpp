#include <taper/autograd/support.h>

#include <taper/core/ops.h>
#include <taper/core/random.h>

namespace taper::autograd {

Tensor rounded(const Tensor& x, const Target& target) {
    if (x.format() == target.format) return x;
    RoundingMode mode{target.rounding};
    if (target.rounding == Rounding::stochastic) {
        Generator& generator = default_generator();
        mode.draws = {generator.seed(), generator.next_stream()};
    }
    return x.to(target.format, mode);
}

Format compute_format(std::initializer_list<Format> formats) {
    for (const Format& format : formats) {
        if (format.compute_type() == ComputeType::float64) return Format::float64();
    }
    return Format::float32();
}

Tensor ActivationGradient::operator()(const Tensor& dy) const {
    const Tensor& y = y_.get();
    return y.defined() ? core::unary_backward(Unary::relu, y.reshape(dy.shape()), dy) : dy;
}

Shape reduced_shape(const Shape& shape, const std::vector<int>& axes) {
    std::vector<std::int64_t> sizes = shape.sizes();
    if (axes.empty()) sizes.assign(sizes.size(), 1);
    for (int axis : axes) sizes[static_cast<std::size_t>(shape.axis(axis))] = 1;
    return Shape(std::move(sizes));
}

Tensor rows_of(const Tensor& x) {
    std::int64_t rows = 1;
    for (int axis = 0; axis + 1 < x.rank(); ++axis) rows *= x.size(axis);
    return x.reshape({rows, x.size(-1)});
}

Tensor spread(const Tensor& small, const Shape& shape, const Target& target) {
    // Rounding before the copies is the cheaper order, but stochastic rounding draws for each element of the result.
    if (target.rounding == Rounding::stochastic) return rounded(core::broadcast_to(small, shape), target);
    return core::broadcast_to(rounded(small, target), shape);
}

}  // namespace taper::autograd
