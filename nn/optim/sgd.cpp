#include <taper/nn/optim/sgd.h>

#include <utility>

#include <fmt/format.h>

#include <taper/core/random.h>
#include <taper/formats/error.h>

namespace taper::nn {
namespace {

const std::string prefix = "velocity.";

bool draws(const Precision& p) {
    return p.master.rounding == Rounding::stochastic || p.weights.rounding == Rounding::stochastic || p.state.rounding == Rounding::stochastic;
}

}  // namespace

Sgd::Sgd(NamedParameters parameters, const SgdOptions& options)
    : Optimizer(std::move(parameters), options.lr), options_(options), velocities_(parameters_.size()) {
    if (options.nesterov && options.momentum == 0) throw Error("Sgd: Nesterov without momentum: momentum is 0 (want more than 0)");
}

void Sgd::update(std::size_t index, Parameter& parameter, const Tensor& gradient, double gradient_scale) {
    const Precision& precision = parameter.precision;
    Tensor weight = parameter.variable.value();
    Tensor& velocity = velocities_[index];
    core::SgdStep step{.lr = learning_rate_, .momentum = options_.momentum, .weight_decay = options_.weight_decay, .nesterov = options_.nesterov};
    step.rounding = options_.rounding;
    step.gradient_scale = gradient_scale;
    step.master_rounding = precision.master.rounding;
    // A weight that is its own master is rounded once, as a master.
    step.weight_rounding = parameter.master.defined() ? precision.weights.rounding : precision.master.rounding;
    step.state_rounding = precision.state.rounding;
    step.first = options_.momentum != 0 && !velocity.defined();
    if (step.first) {
        velocity = Tensor::empty(weight.shape(), precision.state.format, weight.device());
        velocity.set_role(Role::state);
    }
    if (draws(precision)) {
        step.seed = default_generator().seed();
        step.stream = default_generator().next_stream();
        for (std::uint64_t further = 1; further < core::step_streams(step.rounding); ++further) default_generator().next_stream();
    }
    core::sgd_step(weight, parameter.master, velocity, gradient, step);
}

Metadata Sgd::settings() const {
    if (options_.rounding == core::StepRounding::results) return {};
    return {{"rounding", name(options_.rounding)}};
}

NamedTensors Sgd::state() const {
    NamedTensors tensors = Optimizer::state();
    for (std::size_t i = 0; i < velocities_.size(); ++i)
        if (velocities_[i].defined()) tensors[prefix + parameters_[i].first] = velocities_[i].clone();
    return tensors;
}

void Sgd::load(const NamedTensors& tensors) {
    std::vector<Tensor> loaded(velocities_.size());
    std::size_t known = tensors.count("steps");
    for (std::size_t i = 0; i < loaded.size(); ++i) {
        const auto& [name, parameter] = parameters_[i];
        const auto found = tensors.find(prefix + name);
        if (found == tensors.end()) continue;
        ++known;
        const Tensor& velocity = found->second;
        const Format& format = parameter->precision.state.format;
        if (options_.momentum == 0) throw Error(fmt::format("Sgd: a velocity without momentum: {} came (want momentum other than 0)", prefix + name));
        if (velocity.shape() != parameter->variable.shape() || velocity.format() != format)
            throw Error(fmt::format("Sgd: velocity differs: {}{} is {} in {} (want {} in {})", prefix, name, velocity.shape().str(), velocity.format().name(),
                                    parameter->variable.shape().str(), format.name()));
        loaded[i] = velocity.clone().to(parameter->variable.value().device());
        loaded[i].set_role(Role::state);
    }
    if (known != tensors.size())
        for (const auto& [name, tensor] : tensors) {
            bool is_known = name == "steps";
            for (const auto& [parameter, pointer] : parameters_) is_known = is_known || name == prefix + parameter;
            if (!is_known) throw Error(fmt::format("Sgd: unknown tensor: {} (want steps and {}NAME of its parameters)", name, prefix));
        }
    Optimizer::load(tensors);
    velocities_ = std::move(loaded);
}

}  // namespace taper::nn
