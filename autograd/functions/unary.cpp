#include <taper/autograd/functions.h>

namespace taper {

Variable unary(Unary op, const Variable& x, double a) {
    const Tensor y = core::unary(op, x.value(), a);
    return make_result(name(op), y, {x}, [&]() -> GradientFunction {
        const Saves what = saves(op);
        const Saved saved = what == Saves::nothing ? Saved() : Saved(what == Saves::input ? x.value() : y);
        return [op, a, saved](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            Target target = requests[0].target;
            if (op == Unary::relu && target.format == dy.format()) target.rounding = Rounding::nearest;  // dy or 0: nothing to draw for
            return {core::unary_backward(op, saved.get(), dy, a, target)};
        };
    });
}

}  // namespace taper
