#include <taper/nn/optim/optimizer.h>

#include <set>
#include <utility>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::nn {

void Optimizer::add_group(const NamedParameters& parameters, double rate) {
    for (const auto& named : parameters) {
        parameters_.push_back(named);
        group_of_.push_back(rates_.size());
    }
    rates_.push_back(rate);
}

void Optimizer::check_groups() {
    if (parameters_.empty()) throw Error("Optimizer: nothing to update: no parameters came (want model.parameters())");
    std::set<std::string> names;
    for (const auto& [name, parameter] : parameters_)
        if (!names.insert(name).second) throw Error(fmt::format("{}: a parameter comes twice: {} (want each in one group)", name_, name));
    learning_rate_ = rates_.front();
    if (rates_.size() > 1 && learning_rate_ == 0) throw Error(fmt::format("{}: no ratio of learning rates: the first group's is 0 (want another one)", name_));
    for (double& rate : rates_) rate = rate == learning_rate_ ? 1 : rate / learning_rate_;
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

void Optimizer::add_slot(const char* name) { slots_.push_back({std::string(name) + ".", std::vector<Tensor>(parameters_.size())}); }

Tensor& Optimizer::slot(std::size_t slot, std::size_t index) {
    Tensor& tensor = slots_[slot].tensors[index];
    if (tensor.defined() || !keeps(slot, index)) return tensor;
    const Parameter& parameter = *parameters_[index].second;
    tensor = Tensor::zeros(parameter.variable.shape(), parameter.precision.state.format, parameter.variable.value().device());
    tensor.set_role(Role::state);
    return tensor;
}

void Optimizer::check_momentum(double value, double before) const {
    if (!(value > 0 && value < 1)) throw Error(fmt::format("{}: a momentum out of range: {} (want 0 < momentum < 1)", name_, value));
    if (before == 0) throw Error(fmt::format("{}: no momentum to set: {} came where it is 0 (want one from the start)", name_, value));
}

void Optimizer::round_state() {
    for (Slot& slot : slots_)
        for (std::size_t i = 0; i < parameters_.size(); ++i) {
            if (!slot.tensors[i].defined()) continue;
            slot.tensors[i] = rounded(slot.tensors[i], parameters_[i].second->precision.state);
            slot.tensors[i].set_role(Role::state);
        }
}

NamedTensors Optimizer::state() const {
    NamedTensors tensors{{"steps", Tensor::full({}, static_cast<double>(steps_), Format::float64())}};
    for (const Slot& slot : slots_)
        for (std::size_t i = 0; i < parameters_.size(); ++i)
            if (slot.tensors[i].defined()) tensors[slot.prefix + parameters_[i].first] = slot.tensors[i].clone();
    return tensors;
}

// Refuses tensors that no slot of a parameter keeps.
void Optimizer::check_known(const NamedTensors& tensors) const {
    std::set<std::string> known{"steps"};
    std::string kept;
    for (std::size_t s = 0; s < slots_.size(); ++s) {
        bool any = false;
        for (std::size_t i = 0; i < parameters_.size(); ++i) {
            if (!keeps(s, i)) continue;
            any = true;
            known.insert(slots_[s].prefix + parameters_[i].first);
        }
        if (any) kept += (kept.empty() ? " and " : ", ") + slots_[s].prefix + "NAME";
    }
    for (const auto& [name, tensor] : tensors)
        if (!known.count(name))
            throw Error(fmt::format("{}: unknown tensor: {} (want steps{})", name_, name, kept.empty() ? " alone" : kept + " of its parameters"));
}

Tensor Optimizer::loaded(const NamedTensors& tensors, std::size_t slot, std::size_t index) const {
    const auto& [name, parameter] = parameters_[index];
    const std::string& prefix = slots_[slot].prefix;
    const auto found = tensors.find(prefix + name);
    if (found == tensors.end()) return {};
    const Tensor& tensor = found->second;
    const Format& format = parameter->precision.state.format;
    if (tensor.shape() != parameter->variable.shape() || tensor.format() != format)
        throw Error(fmt::format("{}: {} differs: {}{} is {} in {} (want {} in {})", name_, prefix.substr(0, prefix.size() - 1), prefix, name,
                                tensor.shape().str(), tensor.format().name(), parameter->variable.shape().str(), format.name()));
    const Tensor own = tensor.clone().to(parameter->variable.value().device());
    own.set_role(Role::state);
    return own;
}

void Optimizer::load(const NamedTensors& tensors) {
    check_known(tensors);
    const auto found = tensors.find("steps");
    if (found == tensors.end()) throw Error("Optimizer: a tensor is missing: steps (want shape [])");
    if (found->second.elements() != 1) throw Error(fmt::format("Optimizer: shape differs: steps is {} (want [])", found->second.shape().str()));
    std::vector<Slot> slots = slots_;
    for (std::size_t s = 0; s < slots.size(); ++s)
        for (std::size_t i = 0; i < parameters_.size(); ++i) slots[s].tensors[i] = loaded(tensors, s, i);
    steps_ = static_cast<std::int64_t>(found->second.item());
    slots_ = std::move(slots);
}

}  // namespace taper::nn
