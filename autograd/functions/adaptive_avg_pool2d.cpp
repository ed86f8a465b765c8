#include <taper/autograd/functions.h>

namespace taper {

// x [N, C, H, W] -> y [N, C, P, Q], the means of windows that cover x evenly; of one window by the one order of sums that all means have.
Variable adaptive_avg_pool2d(const Variable& x, const core::AdaptivePool2dSpec& spec) {
    if (spec.rows == 1 && spec.columns == 1 && x.value().rank() == 4) return mean(x, {2, 3}, true);
    const Tensor y = core::adaptive_avg_pool2d(x.value(), spec);
    return make_result("adaptive_avg_pool2d", y, {x}, [&]() -> GradientFunction {
        return [x_shape = x.shape()](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {core::adaptive_avg_pool2d_backward(dy, x_shape, requests[0].target)};
        };
    });
}

}  // namespace taper
