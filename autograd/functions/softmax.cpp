#include <taper/autograd/functions.h>

namespace taper {

// Over the last axis; the gradients read y alone.
Variable softmax(const Variable& x) {
    const Tensor y = core::softmax(x.value());
    return make_result("softmax", y, {x}, [&]() -> GradientFunction {
        return [saved = Saved(y)](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {core::softmax_backward(saved.get(), dy, requests[0].target)};
        };
    });
}

Variable log_softmax(const Variable& x) {
    const Tensor y = core::log_softmax(x.value());
    return make_result("log_softmax", y, {x}, [&]() -> GradientFunction {
        return [saved = Saved(y)](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {core::log_softmax_backward(saved.get(), dy, requests[0].target)};
        };
    });
}

}  // namespace taper
