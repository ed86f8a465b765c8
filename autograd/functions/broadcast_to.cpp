#include <taper/autograd/functions.h>

namespace taper {

Variable broadcast_to(const Variable& x, const Shape& shape) {
    const Tensor y = core::broadcast_to(x.value(), shape);
    return make_result("broadcast_to", y, {x}, [&]() -> GradientFunction {
        return [x_shape = x.shape()](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {core::sum_to(dy, x_shape, requests[0].target)};
        };
    });
}

}  // namespace taper
