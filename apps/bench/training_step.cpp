#include "training_step.h"

#include <memory>

#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/random.h>
#include <taper/formats/error.h>
#include <taper/nn/nn.h>

namespace taper::bench {
namespace {

template <class Model>
class ClassifierStep {
  public:
    ClassifierStep(const nn::Recipe& recipe, const Shape& images, const nn::SgdOptions& options) : sgd_(model_.parameters(), options) {
        nn::apply(recipe, model_);
        images_ = randn(images).to(recipe.precision.inputs.format);
        std::vector<std::int32_t> labels(static_cast<std::size_t>(images[0]));
        for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 10);
        labels_ = Tensor::from(labels, {images[0]});
    }
    void operator()() {
        sgd_.zero_grad();
        backward(nn::cross_entropy(model_(images_), labels_, model_.precision()));
        sgd_.step();
    }

  private:
    Model model_;
    nn::Sgd sgd_;
    Tensor images_, labels_;
};

class DcganStep {
  public:
    explicit DcganStep(const nn::Recipe& recipe) : make_adam_(make_.parameters(), adam), judge_adam_(judge_.parameters(), adam) {
        nn::apply(recipe, make_);
        nn::apply(recipe, judge_);
        const Format inputs = recipe.precision.inputs.format;
        real_ = uniform({batch, 3, 64, 64}, -1, 1, inputs);
        noise_ = randn({batch, 100}, inputs);
    }
    void operator()() {
        const Variable fake = make_(noise_);
        judge_adam_.zero_grad();
        backward(loss(judge_(real_), ones_) + loss(judge_(fake.detach()), zeros_));
        judge_adam_.step();
        make_adam_.zero_grad();
        judge_.freeze();
        backward(loss(judge_(fake), ones_));
        judge_.freeze(false);
        make_adam_.step();
    }

  private:
    static constexpr std::int64_t batch = 64;
    static constexpr nn::AdamOptions adam = {.lr = 2e-4, .beta1 = 0.5};

    Variable loss(const Variable& logits, const Tensor& target) { return nn::bce_with_logits_loss(logits, target, judge_.precision()); }

    nn::DcganGenerator make_;
    nn::DcganDiscriminator judge_;
    nn::Adam make_adam_, judge_adam_;
    Tensor real_, noise_, ones_ = Tensor::full({batch}, 1), zeros_ = Tensor::full({batch}, 0);
};

// Models are neither copied nor moved, and a std::function is copied.
template <class Step, class... Arguments>
std::function<void()> make_step(const Arguments&... arguments) {
    return [step = std::make_shared<Step>(arguments...), one_launch = std::make_shared<OneLaunch>()] {
        (*one_launch)([&] { (*step)(); });
        backend(default_device()).synchronize();
    };
}

// Small, so that thousands of steps on one batch leave the gradients at their usual sizes.
constexpr double rate = 1.0 / 1024;

}  // namespace

const std::vector<std::string>& step_models() {
    static const std::vector<std::string> names = {"lenet5", "preresnet20", "dcgan64"};
    return names;
}

std::function<void()> training_step(const std::string& model, const nn::Recipe& recipe) {
    if (model == "lenet5") return make_step<ClassifierStep<nn::LeNet5>>(recipe, Shape{64, 1, 28, 28}, nn::SgdOptions{.lr = rate, .momentum = 0.5});
    if (model == "preresnet20") {
        return make_step<ClassifierStep<nn::PreResNet>>(recipe, Shape{128, 3, 32, 32}, nn::SgdOptions{.lr = rate, .momentum = 0.9, .weight_decay = 5e-4});
    }
    if (model == "dcgan64") return make_step<DcganStep>(recipe);
    throw Error(fmt::format("bench step: no such model: {} (want {})", model, fmt::join(step_models(), ", ")));
}

}  // namespace taper::bench
