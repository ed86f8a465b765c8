// Checks and allocation of the losses that are means over elements.
#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/ops/common.h>
#include <taper/formats/error.h>

namespace taper::core {
namespace {

void check_points(const char* op, const Tensor& x, const Tensor& target) {
    check_values(op, {{"x", x}, {"target", target}});
    check_same_shape(op, {"x", x}, {"target", target});
    if (x.elements() == 0) throw Error(fmt::format("{}: nothing to take the mean of: x is {} (want at least one element)", op, x.shape().str()));
}

const char* name(PointLoss kind) { return kind == PointLoss::mse ? "mse_loss" : "bce_with_logits_loss"; }

}  // namespace

Tensor point_loss(PointLoss kind, const Tensor& x, const Tensor& target) {
    check_points(name(kind), x, target);
    Tensor loss = Tensor::empty({}, x.format() == Format::float64() ? Format::float64() : Format::float32(), x.device());
    backend(x.device()).point_loss(kind, x, target, loss);
    return loss;
}

Tensor point_loss_backward(PointLoss kind, const Tensor& x, const Tensor& target, const Tensor& dloss, const Output& output) {
    const std::string op = std::string(name(kind)) + "_backward";
    check_points(op.c_str(), x, target);
    check_values(op.c_str(), {{"x", x}, {"dloss", dloss}});
    if (dloss.elements() != 1) throw Error(fmt::format("{}: dloss is not one number: dloss is {} (want one element)", op, dloss.shape().str()));
    const Target into = target_of(op.c_str(), output, x.format());
    Tensor dx = Tensor::empty(x.shape(), into.format, x.device());
    backend(x.device()).point_loss_backward(kind, x, target, dloss, dx, rounding_mode(into));
    return dx;
}

}  // namespace taper::core
