#include <taper/autograd/functions.h>
#include <taper/autograd/support.h>

namespace taper {

// y = 1/n sum (x - m)^2,  dx = (x - m) (2 dy / n); m's own gradient sums to 0.
Variable variance(const Variable& x, const std::vector<int>& axes, bool keep_axes) {
    const Tensor y = core::reduce(core::Reduction::variance, x.value(), axes, keep_axes);
    return make_result("variance", y, {x}, [&]() -> GradientFunction {
        return [saved = Saved(x.value()), axes](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            const Tensor& x = saved.get();
            const Target& target = requests[0].target;
            if (x.elements() == 0) return {Tensor::zeros(x.shape(), target.format, dy.device())};
            const Format wide = autograd::compute_format({x.format(), dy.format(), target.format});
            const double n = static_cast<double>(x.elements() / dy.elements());
            const Tensor m = core::reduce(core::Reduction::mean, x, axes, true, Target(wide));
            const Tensor share = core::unary(Unary::scale, dy.to(wide), 2 / n).reshape(m.shape());
            return {core::binary(Binary::mul, core::binary(Binary::sub, x.to(wide), m), share, target)};
        };
    });
}

}  // namespace taper
