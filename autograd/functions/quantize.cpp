#include <taper/autograd/functions.h>
#include <taper/autograd/support.h>

namespace taper {

// Straight through: the gradient is dy, rounded into `backward`, then into x's target (which is the same rounding if they agree).
Variable quantize(const Variable& x, const Output& forward, const Output& backward) {
    const Tensor y = forward ? autograd::rounded(x.value(), *forward) : x.value();
    return make_result("quantize", y, {x}, [&]() -> GradientFunction {
        return [backward](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {autograd::rounded(backward ? autograd::rounded(dy, *backward) : dy, requests[0].target)};
        };
    });
}

}  // namespace taper
