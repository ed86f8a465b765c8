#include <taper/autograd/functions.h>

namespace taper {

Variable slice(const Variable& x, int axis, std::int64_t begin, std::int64_t end) {
    const Tensor y = core::slice(x.value(), axis, begin, end);
    return make_result("slice", y, {x}, [&]() -> GradientFunction {
        return [x_shape = x.shape(), axis, begin](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {core::slice_backward(dy, x_shape, axis, begin, requests[0].target)};
        };
    });
}

}  // namespace taper
