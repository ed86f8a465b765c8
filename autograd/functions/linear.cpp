#include <taper/autograd/functions.h>
#include <taper/autograd/support.h>
#include <taper/formats/error.h>

namespace taper {

// x [.., I], weight [O, I], bias [O] -> y [.., O] = x weight^T + bias;
// dx = dy weight [.., I],  dweight = dy^T x [O, I],  dbias = sum of dy's rows [O].
Variable linear(const Variable& x, const Variable& weight, const Variable& bias, const ProductOptions& options) {
    if (x.value().rank() == 0 || weight.value().rank() != 2) {
        throw Error("linear: wrong ranks: x is " + x.shape().str() + ", weight is " + weight.shape().str() + " (want [.., I] and [O, I])");
    }
    std::vector<std::int64_t> y_sizes = x.shape().sizes();
    y_sizes.back() = weight.size(0);
    const Tensor y =
        core::matmul(autograd::rows_of(x.value()), weight.value(),
                     {.transpose_b = true,
                      .accumulator = options.forward,
                      .output = options.output,
                      .bias = bias.defined() ? bias.value() : Tensor(),
                      .activation = options.activation})
            .reshape(Shape(std::move(y_sizes)));
    return make_result("linear", y, {x, weight, bias}, [&]() -> GradientFunction {
        const Saved saved_x = weight.requires_grad() ? Saved(x.value()) : Saved();
        const Saved saved_weight = x.requires_grad() ? Saved(weight.value()) : Saved();
        const autograd::ActivationGradient before(options.activation, y);
        return [=, x_shape = x.shape()](const Tensor& dy_in, const std::vector<GradientRequest>& requests) {
            const Tensor dy = autograd::rows_of(before(dy_in));  // [rows, O]
            std::vector<Tensor> gradients(3);
            if (requests[0].needed) {
                gradients[0] = core::matmul(dy, saved_weight.get(), {.accumulator = options.backward_data, .output = requests[0].target}).reshape(x_shape);
            }
            if (requests[1].needed) {
                gradients[1] = core::matmul(dy, autograd::rows_of(saved_x.get()),
                                            {.transpose_a = true, .accumulator = options.backward_weights, .output = requests[1].target});
            }
            if (requests[2].needed) gradients[2] = core::sum_to(dy, {dy.size(1)}, requests[2].target);
            return gradients;
        };
    });
}

}  // namespace taper
