#include <taper/autograd/functions.h>

namespace taper {

// x [N, C, H, W] -> y [N, C, P, Q], the mean of each window.
Variable avg_pool2d(const Variable& x, const core::Pool2dSpec& spec) {
    const Tensor y = core::avg_pool2d(x.value(), spec);
    return make_result("avg_pool2d", y, {x}, [&]() -> GradientFunction {
        return [x_shape = x.shape(), spec](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {core::avg_pool2d_backward(dy, x_shape, spec, requests[0].target)};
        };
    });
}

}  // namespace taper
