// Checks and allocation of the element-wise ops.
#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/ops/common.h>
#include <taper/formats/error.h>

namespace taper::core {
namespace {

// Ops whose derivatives are 1 or -1: they read no operand.
bool is_sum(Binary op) { return op == Binary::add || op == Binary::sub; }

// dy, or -dy where the operand is subtracted, summed to `shape`.
Tensor sum_backward(const char* op, bool negative, const Tensor& dy, const Shape& shape, const Target& target) {
    check_values(op, {{"dy", dy}});
    if (!negative) return dy.shape() == shape ? dy.to(target.format, rounding_mode(target)) : sum_to(dy, shape, target);
    if (dy.shape() == shape) return unary(Unary::neg, dy, 0, target);
    return sum_to(unary(Unary::neg, dy, 0, gradient_format({dy.format()})), shape, target);
}

}  // namespace

Tensor unary(Unary op, const Tensor& x, double a, const Output& output) {
    check_values(name(op), {{"x", x}});
    if (op == Unary::leaky_relu && !(a > 0)) throw Error(fmt::format("leaky_relu: the slope is not positive: {} (want leaky_relu(x, slope), slope > 0)", a));
    const Target target = target_of(name(op), output, x.format());
    Tensor y = Tensor::empty(x.shape(), target.format, x.device());
    if (y.elements() > 0) backend(x.device()).unary(op, a, x, y, rounding_mode(target));
    return y;
}

Tensor unary_backward(Unary op, const Tensor& saved, const Tensor& dy, double a, const Output& output) {
    const std::string label = std::string(name(op)) + "_backward";
    check_values(label.c_str(), {{"dy", dy}});
    if (saves(op) != Saves::nothing) {
        check_values(label.c_str(), {{"saved", saved}, {"dy", dy}});
        check_same_shape(label.c_str(), {"saved", saved}, {"dy", dy});
    }
    const Target target = target_of(label.c_str(), output, dy.format());
    Tensor dx = Tensor::empty(dy.shape(), target.format, dy.device());
    if (dx.elements() > 0) backend(dy.device()).unary_backward(op, a, saved, dy, dx, rounding_mode(target));
    return dx;
}

Tensor binary(Binary op, const Tensor& a, const Tensor& b, const Output& output) {
    check_values(name(op), {{"a", a}, {"b", b}});
    if (a.format() != b.format()) {
        throw Error(fmt::format("{}: formats differ: a is {}, b is {} (want one format; to(format) converts)", name(op), a.format().name(), b.format().name()));
    }
    const Target target = target_of(name(op), output, a.format());
    Tensor y = Tensor::empty(broadcast(a.shape(), b.shape(), name(op)), target.format, a.device());
    if (y.elements() > 0) backend(a.device()).binary(op, a, b, y, rounding_mode(target));
    return y;
}

Tensor binary_backward(Binary op, const Tensor& a, const Tensor& b, const Tensor& dy, int operand, const Shape& shape, const Output& output) {
    const std::string label = std::string(name(op)) + "_backward";
    if (operand != 0 && operand != 1) throw Error(fmt::format("{}: no such operand: {} (want 0 or 1)", label, operand));
    check_values(label.c_str(), {{"dy", dy}});
    const Target target = target_of(label.c_str(), output, dy.format());
    if (is_sum(op)) return sum_backward(label.c_str(), op == Binary::sub && operand == 1, dy, shape, target);
    check_values(label.c_str(), {{"a", a}, {"b", b}, {"dy", dy}});
    const Shape whole = broadcast(a.shape(), b.shape(), label.c_str());
    if (dy.shape() != whole || shape != (operand == 0 ? a : b).shape()) {
        throw Error(fmt::format("{}: shapes do not fit: a is {}, b is {}, dy is {}, operand {}'s gradient is {} (want dy {} and the operand's shape)", label, a.shape().str(),
                                b.shape().str(), dy.shape().str(), operand, shape.str(), whole.str()));
    }
    const bool direct = whole == shape;
    Tensor dx = Tensor::empty(whole, direct ? target.format : gradient_format({a.format(), b.format(), dy.format(), target.format}), dy.device());
    if (dx.elements() > 0) backend(dy.device()).binary_backward(op, a, b, dy, operand, dx, direct ? rounding_mode(target) : RoundingMode{});
    return direct ? dx : sum_to(dx, shape, target);
}

}  // namespace taper::core
