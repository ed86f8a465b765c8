#include <taper/nn/optim/adam.h>

#include <utility>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/optim/step_options.h>

namespace taper::nn {
namespace {

const std::string count_prefix = "step.";

}  // namespace

Adam::Adam(NamedParameters parameters, const AdamOptions& options) : Adam(ParameterGroups<AdamOptions>{{std::move(parameters), options}}) {}
Adam::Adam(const ParameterGroups<AdamOptions>& groups) : Adam("Adam", groups, Decay::l2) {}

Adam::Adam(const char* name, const ParameterGroups<AdamOptions>& groups, Decay decay)
    : Optimizer(name, groups), options_(options_of(groups)), decay_(decay), counts_(parameters().size()) {
    for (const AdamOptions& options : options_)
        for (const double beta : {options.beta1, options.beta2})
            if (!(beta >= 0 && beta < 1)) throw Error(fmt::format("{}: a beta out of range: {} (want 0 <= beta < 1)", name, beta));
    for (const char* slot : {"mean", "square", "compensation"}) add_slot(slot);
}

bool Adam::keeps(std::size_t slot, std::size_t index) const { return slot != compensation || options_[group_of(index)].compensated; }

void Adam::update(std::size_t index, Parameter& parameter, const Tensor& gradient, double gradient_scale) {
    const std::size_t group = group_of(index);
    const AdamOptions& options = options_[group];
    core::AdamStep step{.lr = learning_rate(group), .beta1 = options.beta1, .beta2 = options.beta2, .eps = options.eps, .weight_decay = options.weight_decay};
    step.decoupled = decay_ == Decay::decoupled;
    step.t = ++counts_[index];
    step.rounding = options.rounding;
    step.gradient_scale = gradient_scale;
    set_roundings(step, parameter, core::adam_streams(step.rounding) + (options.compensated ? core::compensation_streams(step.rounding) : 0));
    core::adam_step({parameter.variable.value(), parameter.master, slot(compensation, index)}, slot(mean, index), slot(square, index), gradient, step);
}

NamedTensors Adam::state() const {
    NamedTensors tensors = Optimizer::state();
    for (std::size_t i = 0; i < counts_.size(); ++i)
        if (counts_[i] != 0) tensors[count_prefix + parameters()[i].first] = Tensor::full({}, static_cast<double>(counts_[i]), Format::float64());
    return tensors;
}

void Adam::load(const NamedTensors& tensors) {
    NamedTensors rest = tensors;
    std::vector<std::int64_t> counts(counts_.size());
    for (std::size_t i = 0; i < counts.size(); ++i) {
        const std::string& parameter = parameters()[i].first;
        const auto found = rest.find(count_prefix + parameter);
        for (const char* moment : {"mean.", "square."})
            if ((found != rest.end()) != (rest.count(moment + parameter) != 0))
                throw Error(fmt::format("{}: a tensor is missing: {}{} and {}{} come together (want both or neither)", name(), count_prefix, parameter, moment,
                                        parameter));
        if (found == rest.end()) continue;
        if (found->second.elements() != 1 || !(found->second.item() >= 1))
            throw Error(fmt::format("{}: not a count: {} is {} (want one number from 1)", name(), found->first, found->second.str()));
        counts[i] = static_cast<std::int64_t>(found->second.item());
        rest.erase(found);
    }
    Optimizer::load(rest);
    counts_ = std::move(counts);
}

void Adam::set_momentum(double value) {
    for (const AdamOptions& options : options_) check_momentum(value, options.beta1);
    for (AdamOptions& options : options_) options.beta1 = value;
}

Metadata Adam::settings() const {
    Metadata settings = step_settings(options_);
    if (decay_ == Decay::decoupled) settings["decoupled"] = "yes";
    return settings;
}

AdamW::AdamW(NamedParameters parameters, const AdamOptions& options) : AdamW(ParameterGroups<AdamOptions>{{std::move(parameters), options}}) {}
AdamW::AdamW(const ParameterGroups<AdamOptions>& groups) : Adam("AdamW", groups, Decay::decoupled) {}

}  // namespace taper::nn
