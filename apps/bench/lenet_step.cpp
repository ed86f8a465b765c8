#include "lenet_step.h"

#include <vector>

namespace taper::bench {

// The learning rate is small, so that thousands of steps on one batch leave the gradients at their usual sizes.
LenetStep::LenetStep(const nn::Recipe& recipe, std::int64_t batch) : sgd_(model_.parameters(), {.lr = 1.0 / 1024, .momentum = 0.5}) {
    nn::apply(recipe, model_);
    images_ = randn({batch, 1, 28, 28}).to(recipe.precision.inputs.format);
    std::vector<std::int32_t> labels(static_cast<std::size_t>(batch));
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 10);
    labels_ = Tensor::from(labels, {batch});
}

void LenetStep::operator()() {
    sgd_.zero_grad();
    backward(nn::cross_entropy(model_(images_), labels_, model_.precision()));
    sgd_.step();
}

}  // namespace taper::bench
