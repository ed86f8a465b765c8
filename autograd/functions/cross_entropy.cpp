#include <taper/autograd/functions.h>

namespace taper {

// logits [N, C], labels int32 [N] -> loss [];  d logits = (softmax(logits) - q) dloss / N, q = (1 - e) onehot(labels) + e / C.
Variable cross_entropy(const Variable& logits, const Tensor& labels, double label_smoothing) {
    const Tensor loss = core::cross_entropy(logits.value(), labels, label_smoothing);
    return make_result("cross_entropy", loss, {logits}, [&]() -> GradientFunction {
        return [=, saved = Saved(logits.value()), saved_labels = Saved(labels)](const Tensor& dloss,
                                                                             const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
            return {core::cross_entropy_backward(saved.get(), saved_labels.get(), dloss, requests[0].target, label_smoothing)};
        };
    });
}

}  // namespace taper
