#include <taper/autograd/functions.h>

namespace taper {

// x [N, C, H, W] -> y [N, C, P, Q]; saves one byte an output, the winner's place in its window.
Variable max_pool2d(const Variable& x, const core::Pool2dSpec& spec) {
    const core::MaxPooled pooled = core::max_pool2d(x.value(), spec);
    return make_result("max_pool2d", pooled.y, {x}, [&]() -> GradientFunction {
        if (pooled.index.storage()->role() == Role::other) pooled.index.set_role(Role::indices);
        return [x_shape = x.shape(), spec, index = Saved(pooled.index)](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {core::max_pool2d_backward(dy, index.get(), x_shape, spec, requests[0].target)};
        };
    });
}

}  // namespace taper
