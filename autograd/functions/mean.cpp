#include <taper/autograd/functions.h>
#include <taper/autograd/support.h>

namespace taper {

// dx = dy / n, n elements to a mean; the quotient is formed in float64, for the few elements of dy.
Variable mean(const Variable& x, const std::vector<int>& axes, bool keep_axes) {
    const Tensor y = core::reduce(core::Reduction::mean, x.value(), axes, keep_axes);
    return make_result("mean", y, {x}, [&]() -> GradientFunction {
        return [x_shape = x.shape(), axes](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            if (x_shape.elements() == 0) return {Tensor::zeros(x_shape, requests[0].target.format, dy.device())};
            const double n = static_cast<double>(x_shape.elements() / dy.elements());
            const Tensor share = core::binary(Binary::div, dy.to(Format::float64()), Tensor::full({}, n, Format::float64(), dy.device()));
            return {autograd::spread(share.reshape(autograd::reduced_shape(x_shape, axes)), x_shape, requests[0].target)};
        };
    });
}

}  // namespace taper
