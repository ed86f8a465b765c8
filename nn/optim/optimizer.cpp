#include <taper/nn/optim/optimizer.h>

#include <utility>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::nn {

Optimizer::Optimizer(NamedParameters parameters, double learning_rate) : parameters_(std::move(parameters)), learning_rate_(learning_rate) {
    if (parameters_.empty()) throw Error("Optimizer: nothing to update: no parameters came (want model.parameters())");
}

void Optimizer::step(double gradient_scale) {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        Parameter& parameter = *parameters_[i].second;
        const Tensor& gradient = parameter.variable.grad();
        if (!parameter.variable.requires_grad() || !gradient.defined()) continue;
        if (gradient.format() == parameter.precision.gradients.format)
            update(i, parameter, gradient, gradient_scale);
        else
            update(i, parameter, core::unary(Unary::scale, gradient, gradient_scale, parameter.precision.gradients), 1);
    }
    ++steps_;
}

void Optimizer::zero_grad() {
    for (const auto& [name, parameter] : parameters_) parameter->variable.zero_grad();
}

NamedTensors Optimizer::state() const { return {{"steps", Tensor::full({}, static_cast<double>(steps_), Format::float64())}}; }

void Optimizer::load(const NamedTensors& tensors) {
    const auto found = tensors.find("steps");
    if (found == tensors.end()) throw Error("Optimizer: a tensor is missing: steps (want shape [])");
    if (found->second.elements() != 1) throw Error(fmt::format("Optimizer: shape differs: steps is {} (want [])", found->second.shape().str()));
    steps_ = static_cast<std::int64_t>(found->second.item());
}

}  // namespace taper::nn
