#include <taper/autograd/functions.h>
#include <taper/autograd/support.h>

namespace taper {

// dx = dy / (number of maxima) at every maximum, 0 elsewhere.  The derivative of maximum(x, y) by x, [x >= y], marks them.
// A NaN or NaR makes the gradients of all that it was compared with NaN.
Variable max(const Variable& x, const std::vector<int>& axes, bool keep_axes) {
    const Tensor y = core::reduce(core::Reduction::max, x.value(), axes, keep_axes);
    return make_result("max", y, {x}, [&]() -> GradientFunction {
        return [saved_x = Saved(x.value()), saved_y = Saved(y), axes](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            const Tensor& x = saved_x.get();
            const Target& target = requests[0].target;
            const Tensor y = saved_y.get().reshape(autograd::reduced_shape(x.shape(), axes));
            const auto mark = [&](const Tensor& per_row, const Target& into) {
                return core::binary_backward(Binary::maximum, x, y, core::broadcast_to(per_row, x.shape()), 0, x.shape(), into);
            };
            const Tensor marks = mark(Tensor::full(y.shape(), 1, Format::float32(), dy.device()), Format::float32());
            const Tensor count = core::reduce(core::Reduction::sum, marks, axes, true, Target(Format::float64()));
            const Tensor share = core::binary(Binary::div, dy.to(Format::float64()).reshape(y.shape()), count);
            return {mark(share.to(autograd::compute_format({x.format(), dy.format(), target.format})), target)};
        };
    });
}

}  // namespace taper
