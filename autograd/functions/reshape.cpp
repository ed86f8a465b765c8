#include <taper/autograd/functions.h>
#include <taper/autograd/support.h>

namespace taper {

Variable reshape(const Variable& x, const Shape& shape) {
    const Tensor y = x.value().reshape(shape);
    return make_result("reshape", y, {x}, [&]() -> GradientFunction {
        return [x_shape = x.shape()](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {autograd::rounded(dy.reshape(x_shape), requests[0].target)};
        };
    });
}

}  // namespace taper
