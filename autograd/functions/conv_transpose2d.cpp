#include <taper/autograd/functions.h>
#include <taper/autograd/support.h>

namespace taper {

// x [N, C, H, W], weight [C, O / groups, R, S], bias [O] -> y [N, O, P, Q];  dx = conv2d(dy, weight),  dweight = the convolution's with x as its dy and dy as
// its x,  dbias [O] = sum of dy over N, P, Q.
Variable conv_transpose2d(const Variable& x, const Variable& weight, const Variable& bias, const core::ConvTranspose2dSpec& spec,
                          const ProductOptions& options) {
    const Tensor y = core::conv_transpose2d(x.value(), weight.value(), bias.defined() ? bias.value() : Tensor(), spec,
                                            {.accumulator = options.forward, .output = options.output, .activation = options.activation});
    return make_result("conv_transpose2d", y, {x, weight, bias}, [&]() -> GradientFunction {
        const Saved saved_x = weight.requires_grad() ? Saved(x.value()) : Saved();
        const Saved saved_weight = x.requires_grad() ? Saved(weight.value()) : Saved();
        const autograd::ActivationGradient before(options.activation, y);
        return [=, conv = spec.convolution(), w_shape = weight.shape()](const Tensor& dy_in, const std::vector<GradientRequest>& requests) {
            const Tensor dy = before(dy_in);
            std::vector<Tensor> gradients(3);
            if (requests[0].needed) gradients[0] = core::conv2d(dy, saved_weight.get(), {}, conv, {options.backward_data, requests[0].target});
            if (requests[1].needed)
                gradients[1] = core::conv2d_backward_weights(saved_x.get(), dy, w_shape, conv, {options.backward_weights, requests[1].target});
            if (requests[2].needed) gradients[2] = core::reduce(core::Reduction::sum, dy, std::vector<int>{0, 2, 3}, false, requests[2].target);
            return gradients;
        };
    });
}

}  // namespace taper
