#include <taper/autograd/functions.h>

namespace taper {

// y = x P(X <= x);  dx = dy (P(X <= x) + x p(x)), p the density.
Variable gelu(const Variable& x, core::GeluApproximation approximation) {
    const Tensor y = core::gelu(x.value(), approximation);
    return make_result("gelu", y, {x}, [&]() -> GradientFunction {
        return [approximation, saved = Saved(x.value())](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {core::gelu_backward(dy, saved.get(), approximation, requests[0].target)};
        };
    });
}

}  // namespace taper
