#include <taper/nn/optim/sgd.h>

#include <utility>

#include <taper/formats/error.h>
#include <taper/nn/optim/step_options.h>

namespace taper::nn {

Sgd::Sgd(NamedParameters parameters, const SgdOptions& options) : Sgd(ParameterGroups<SgdOptions>{{std::move(parameters), options}}) {}

Sgd::Sgd(const ParameterGroups<SgdOptions>& groups) : Optimizer("Sgd", groups), options_(options_of(groups)) {
    for (const SgdOptions& options : options_)
        if (options.nesterov && options.momentum == 0) throw Error("Sgd: Nesterov without momentum: momentum is 0 (want more than 0)");
    add_slot("velocity");
    add_slot("compensation");
}

bool Sgd::keeps(std::size_t slot, std::size_t index) const {
    const SgdOptions& options = options_[group_of(index)];
    return slot == velocity ? options.momentum != 0 : options.compensated;
}

void Sgd::update(std::size_t index, Parameter& parameter, const Tensor& gradient, double gradient_scale) {
    const std::size_t group = group_of(index);
    const SgdOptions& options = options_[group];
    core::SgdStep step{.lr = learning_rate(group), .momentum = options.momentum, .weight_decay = options.weight_decay, .nesterov = options.nesterov};
    step.rounding = options.rounding;
    step.gradient_scale = gradient_scale;
    step.first = options.momentum != 0 && !has_slot(velocity, index);
    set_roundings(step, parameter, core::sgd_streams(step.rounding) + (options.compensated ? core::compensation_streams(step.rounding) : 0));
    core::sgd_step({parameter.variable.value(), parameter.master, slot(compensation, index)}, slot(velocity, index), gradient, step);
}

void Sgd::set_momentum(double value) {
    for (const SgdOptions& options : options_) check_momentum(value, options.momentum);
    for (SgdOptions& options : options_) options.momentum = value;
}

Metadata Sgd::settings() const { return step_settings(options_); }

}  // namespace taper::nn
