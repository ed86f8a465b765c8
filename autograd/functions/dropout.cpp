#include <taper/autograd/functions.h>

namespace taper {

// y = x / (1 - p) where the mask is set, else 0;  dx = dy / (1 - p) there, else 0.
Variable dropout(const Variable& x, double p) {
    const Tensor mask = core::dropout_mask(x.value().elements(), p, x.value().device());
    const double scale = p < 1 ? 1 / (1 - p) : 0;
    const Tensor y = core::dropout(x.value(), mask, scale);
    return make_result("dropout", y, {x}, [&]() -> GradientFunction {
        return [saved = Saved(mask), scale](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {core::dropout(dy, saved.get(), scale, requests[0].target)};
        };
    });
}

}  // namespace taper
