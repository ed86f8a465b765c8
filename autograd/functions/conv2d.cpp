#include <taper/autograd/functions.h>
#include <taper/autograd/support.h>

namespace taper {

// x [N, C, H, W], weight [O, C / groups, R, S], bias [O] -> y [N, O, P, Q];  dbias [O] = sum of dy over N, P, Q.
Variable conv2d(const Variable& x, const Variable& weight, const Variable& bias, const core::Conv2dSpec& spec, const ProductOptions& options) {
    const Tensor y =
        core::conv2d(x.value(), weight.value(), bias.defined() ? bias.value() : Tensor(), spec,
                     {.accumulator = options.forward, .output = options.output, .activation = options.activation});
    return make_result("conv2d", y, {x, weight, bias}, [&]() -> GradientFunction {
        const Saved saved_x = weight.requires_grad() ? Saved(x.value()) : Saved();
        const Saved saved_weight = x.requires_grad() ? Saved(weight.value()) : Saved();
        const autograd::ActivationGradient before(options.activation, y);
        return [=, x_shape = x.shape(), w_shape = weight.shape()](const Tensor& dy_in, const std::vector<GradientRequest>& requests) {
            const Tensor dy = before(dy_in);
            std::vector<Tensor> gradients(3);
            if (requests[0].needed) {
                gradients[0] = core::conv2d_backward_data(dy, saved_weight.get(), x_shape, spec, {options.backward_data, requests[0].target});
            }
            if (requests[1].needed) {
                gradients[1] = core::conv2d_backward_weights(dy, saved_x.get(), w_shape, spec, {options.backward_weights, requests[1].target});
            }
            if (requests[2].needed) gradients[2] = core::reduce(core::Reduction::sum, dy, std::vector<int>{0, 2, 3}, false, requests[2].target);
            return gradients;
        };
    });
}

}  // namespace taper
