#include <taper/autograd/functions.h>

namespace taper {

namespace {

// x, target of one shape of n elements -> loss [];  dx = (derivative at x) dloss / n.
Variable point_loss(const char* op, core::PointLoss kind, const Variable& x, const Tensor& target) {
    const Tensor loss = core::point_loss(kind, x.value(), target);
    return make_result(op, loss, {x}, [&]() -> GradientFunction {
        return [kind, saved = Saved(x.value()), saved_target = Saved(target)](const Tensor& dloss,
                                                                              const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {core::point_loss_backward(kind, saved.get(), saved_target.get(), dloss, requests[0].target)};
        };
    });
}

}  // namespace

Variable mse_loss(const Variable& x, const Tensor& target) { return point_loss("mse_loss", core::PointLoss::mse, x, target); }
Variable bce_with_logits_loss(const Variable& x, const Tensor& target) {
    return point_loss("bce_with_logits_loss", core::PointLoss::bce_with_logits, x, target);
}

}  // namespace taper
