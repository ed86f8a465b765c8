#include <taper/autograd/functions.h>
#include <taper/autograd/support.h>

namespace taper {

// y's axis i is x's axis axes[i]; the gradient goes through the inverse permutation.
Variable permute(const Variable& x, const std::vector<int>& axes) {
    const Tensor y = core::permute(x.value(), axes);
    return make_result("permute", y, {x}, [&]() -> GradientFunction {
        std::vector<int> inverse(axes.size());
        for (std::size_t i = 0; i < axes.size(); ++i) inverse[static_cast<std::size_t>(x.shape().axis(axes[i]))] = static_cast<int>(i);
        return [inverse](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {autograd::rounded(core::permute(dy, inverse), requests[0].target)};
        };
    });
}

Variable transpose(const Variable& x, int axis_a, int axis_b) {
    const Tensor y = core::transpose(x.value(), axis_a, axis_b);
    return make_result("transpose", y, {x}, [&]() -> GradientFunction {
        return [axis_a, axis_b](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {autograd::rounded(core::transpose(dy, axis_a, axis_b), requests[0].target)};
        };
    });
}

}  // namespace taper
