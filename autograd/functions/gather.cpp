#include <taper/autograd/functions.h>

namespace taper {

// An element that was gathered several times receives the sum of their gradients.
Variable gather(const Variable& x, int axis, const Tensor& index) {
    const Tensor y = core::gather(x.value(), axis, index);
    return make_result("gather", y, {x}, [&]() -> GradientFunction {
        return [x_shape = x.shape(), axis, saved = Saved(index)](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {core::gather_backward(dy, axis, saved.get(), x_shape, requests[0].target)};
        };
    });
}

}  // namespace taper
