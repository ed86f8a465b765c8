#include <taper/autograd/functions.h>
#include <taper/autograd/support.h>

namespace taper {

Variable sum(const Variable& x, const std::vector<int>& axes, bool keep_axes) {
    const Tensor y = core::reduce(core::Reduction::sum, x.value(), axes, keep_axes);
    return make_result("sum", y, {x}, [&]() -> GradientFunction {
        return [x_shape = x.shape(), axes](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {autograd::spread(dy.reshape(autograd::reduced_shape(x_shape, axes)), x_shape, requests[0].target)};
        };
    });
}

}  // namespace taper
