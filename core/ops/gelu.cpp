// Checks and allocation of GELU.
#include <taper/core/backend.h>
#include <taper/core/ops/common.h>

namespace taper::core {

Tensor gelu(const Tensor& x, GeluApproximation approximation, const Output& output) {
    check_values("gelu", {{"x", x}});
    const Target target = target_of("gelu", output, x.format());
    Tensor y = Tensor::empty(x.shape(), target.format, x.device());
    if (y.elements() > 0) backend(x.device()).gelu(approximation, x, y, rounding_mode(target));
    return y;
}

Tensor gelu_backward(const Tensor& dy, const Tensor& x, GeluApproximation approximation, const Output& output) {
    check_values("gelu_backward", {{"dy", dy}, {"x", x}});
    check_same_shape("gelu_backward", {"dy", dy}, {"x", x});
    const Target target = target_of("gelu_backward", output, dy.format());
    Tensor dx = Tensor::empty(dy.shape(), target.format, dy.device());
    if (dx.elements() > 0) backend(dy.device()).gelu_backward(approximation, dy, x, dx, rounding_mode(target));
    return dx;
}

}  // namespace taper::core
