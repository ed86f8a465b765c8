// Checks and allocation of normalisation.
#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/ops/common.h>
#include <taper/formats/error.h>

namespace taper::core {
namespace {

// The shape of the moments; throws Error where x does not fit.
Shape moments_shape(const char* op, const Shape& x, const NormSpec& spec) {
    if (x.rank() < 2) throw Error(fmt::format("{}: too few axes: x is {} (want [N, C, ...])", op, x.str()));
    if (x.elements() == 0) throw Error(fmt::format("{}: nothing to take the mean of: x is {} (want at least one element)", op, x.str()));
    if (spec.groups < 0 || (spec.groups > 0 && x[1] % spec.groups != 0)) {
        throw Error(fmt::format("{}: groups do not divide the channels: x is {}, groups is {} (want a divisor of {})", op, x.str(), spec.groups, x[1]));
    }
    if (!(spec.eps >= 0)) throw Error(fmt::format("{}: eps is negative: {} (want 0 or more)", op, spec.eps));
    return spec.groups == 0 ? Shape{x[1]} : Shape{x[0], spec.groups};
}

void check_moments(const char* op, const Tensor& x, const Moments& moments, const NormSpec& spec) {
    const Shape shape = moments_shape(op, x.shape(), spec);
    check_values(op, {{"x", x}, {"mean", moments.mean}, {"variance", moments.variance}});
    for (const Tensor& moment : {moments.mean, moments.variance}) {
        if (moment.shape() == shape && moment.format() == Format::float64()) continue;
        throw Error(fmt::format("{}: the moments do not fit: {} {} came for x {} (want float64 {})", op, moment.format().name(), moment.shape().str(),
                                x.shape().str(), shape.str()));
    }
}

void check_affine(const char* op, const char* name, const Tensor& affine, const Tensor& x) {
    if (!affine.defined()) return;
    check_values(op, {{"x", x}, {name, affine}});
    if (affine.shape() != Shape{x.size(1)}) {
        throw Error(fmt::format("{}: {} does not fit: {} is {}, x is {} (want [{}])", op, name, name, affine.shape().str(), x.shape().str(), x.size(1)));
    }
}

}  // namespace

Moments norm_moments(const Tensor& x, const NormSpec& spec) {
    check_values("norm", {{"x", x}});
    const Shape shape = moments_shape("norm", x.shape(), spec);
    Moments moments = {Tensor::empty(shape, Format::float64(), x.device()), Tensor::empty(shape, Format::float64(), x.device())};
    backend(x.device()).norm_moments(spec, x, moments);
    return moments;
}

void move_running(Tensor& running, const Tensor& value, double share, double factor) {
    check_values("move_running", {{"running", running}, {"value", value}});
    check_same_shape("move_running", {"running", running}, {"value", value});
    if (running.format() != Format::float32() || value.format() != Format::float64()) {
        throw Error(fmt::format("move_running: the formats do not fit: running is {}, value is {} (want float32 and float64)", running.format().name(),
                                value.format().name()));
    }
    backend(running.device()).move_running(running, value, share, factor);
}

Tensor norm(const Tensor& x, const Moments& moments, const Tensor& weight, const Tensor& bias, const NormSpec& spec, const Output& output,
            Activation activation) {
    check_values("norm", {{"x", x}});
    check_moments("norm", x, moments, spec);
    check_affine("norm", "weight", weight, x);
    check_affine("norm", "bias", bias, x);
    const Target target = target_of("norm", output, x.format());
    Tensor y = Tensor::empty(x.shape(), target.format, x.device());
    backend(x.device()).norm(spec, x, moments, weight, bias, y, {rounding_mode(target), activation == Activation::relu});
    return y;
}

NormSums norm_backward_weights(const Tensor& dy, const Tensor& x, const Moments& moments, const NormSpec& spec) {
    check_values("norm_backward_weights", {{"dy", dy}, {"x", x}});
    check_same_shape("norm_backward_weights", {"dy", dy}, {"x", x});
    check_moments("norm_backward_weights", x, moments, spec);
    const Shape shape{x.size(1)};
    NormSums sums = {Tensor::empty(shape, Format::float64(), x.device()), Tensor::empty(shape, Format::float64(), x.device())};
    backend(dy.device()).norm_backward_weights(spec, dy, x, moments, sums);
    return sums;
}

Tensor norm_backward_data(const Tensor& dy, const Tensor& x, const Moments& moments, const Tensor& weight, const NormSums& sums, const NormSpec& spec,
                          const Output& output) {
    check_values("norm_backward_data", {{"dy", dy}, {"x", x}});
    check_same_shape("norm_backward_data", {"dy", dy}, {"x", x});
    check_moments("norm_backward_data", x, moments, spec);
    check_affine("norm_backward_data", "weight", weight, x);
    if (sums.dweight.defined()) {
        check_affine("norm_backward_data", "dweight", sums.dweight, x);
        check_values("norm_backward_data", {{"dbias", sums.dbias}});
        check_affine("norm_backward_data", "dbias", sums.dbias, x);
    }
    const Target target = target_of("norm_backward_data", output, dy.format());
    Tensor dx = Tensor::empty(x.shape(), target.format, dy.device());
    backend(dy.device()).norm_backward_data(spec, dy, x, moments, weight, sums, dx, rounding_mode(target));
    return dx;
}

}  // namespace taper::core
