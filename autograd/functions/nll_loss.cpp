#include <taper/autograd/functions.h>
#include <taper/formats/error.h>

namespace taper {

// log_probabilities [N, C], labels int32 [N] -> loss [] = -mean of those at the labels;  the gradient is -dloss / N there, else 0.
Variable nll_loss(const Variable& log_probabilities, const Tensor& labels) {
    const Tensor& x = log_probabilities.value();
    if (!labels.defined() || x.rank() != 2 || labels.shape() != Shape{x.size(0)} || x.elements() == 0) {
        throw Error("nll_loss: shapes do not fit: log_probabilities is " + x.shape().str() + ", labels is "
                    + (labels.defined() ? labels.shape().str() : "undefined") + " (want [N, C] and [N], not empty)");
    }
    const Tensor index = labels.reshape({-1, 1});
    const Format out = x.format() == Format::float64() ? x.format() : Format::float32();
    const Tensor loss = core::unary(Unary::neg, core::reduce(core::Reduction::mean, core::gather(x, 1, index), {}, false, Target(out)));
    return make_result("nll_loss", loss, {log_probabilities}, [&]() -> GradientFunction {
        return [saved = Saved(index), shape = x.shape()](const Tensor& dloss, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            const Tensor n = Tensor::full({}, -static_cast<double>(shape[0]), Format::float64(), dloss.device());
            const Tensor share = core::binary(Binary::div, dloss.to(Format::float64()), n);
            return {core::gather_backward(core::broadcast_to(share.reshape({1, 1}), saved.get().shape()), 1, saved.get(), shape, requests[0].target)};
        };
    });
}

}  // namespace taper
