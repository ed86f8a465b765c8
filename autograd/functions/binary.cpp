#include <taper/autograd/functions.h>

namespace taper {

// a, b broadcast to y; each gradient is summed back to its operand's shape.
Variable binary(Binary op, const Variable& a, const Variable& b) {
    const Tensor y = core::binary(op, a.value(), b.value());
    return make_result(name(op), y, {a, b}, [&]() -> GradientFunction {
        const bool linear = op == Binary::add || op == Binary::sub;  // gradients that read no operand
        const Saved saved_a = linear ? Saved() : Saved(a.value());
        const Saved saved_b = linear ? Saved() : Saved(b.value());
        return [op, saved_a, saved_b, shapes = std::vector<Shape>{a.shape(), b.shape()}](const Tensor& dy, const std::vector<GradientRequest>& requests) {
            std::vector<Tensor> gradients(2);
            for (int i = 0; i < 2; ++i) {
                if (requests[i].needed) gradients[i] = core::binary_backward(op, saved_a.get(), saved_b.get(), dy, i, shapes[i], requests[i].target);
            }
            return gradients;
        };
    });
}

}  // namespace taper
