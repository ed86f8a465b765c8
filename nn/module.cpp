#include <taper/nn/module.h>

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::nn {
namespace {

std::string joined(const std::string& module, const std::string& name) { return module.empty() ? name : module + "." + name; }

}  // namespace

Variable Module::operator()(const Variable& x) {
    const Variable in = apply_slot("input", {}, x), y = apply_slot("output", {}, forward(in));
    const auto hooks = forward_hooks_;  // a hook may remove itself
    for (const auto& [number, hook] : hooks) hook(in, y);
    return y;
}

Variable Module::with_relu(const Variable& x) {
    if (!forward_hooks_.empty() || slots_.count("output")) return relu((*this)(x));
    return forward_with_relu(apply_slot("input", {}, x));
}

std::uint64_t Module::add_forward_hook(ForwardHook hook) {
    if (!hook) throw Error("add_forward_hook: the function is empty");
    return forward_hooks_.emplace_back(++last_hook_, std::move(hook)).first;
}

void Module::remove_forward_hook(std::uint64_t number) {
    std::erase_if(forward_hooks_, [&](const auto& hook) { return hook.first == number; });
}

std::vector<std::pair<std::string, Module*>> Module::modules() {
    std::vector<std::pair<std::string, Module*>> all{{"", this}};
    for (const auto& [name, child] : children_)
        for (const auto& [inner, module] : child->modules()) all.emplace_back(inner.empty() ? name : joined(name, inner), module);
    return all;
}

NamedParameters Module::parameters() {
    NamedParameters all;
    std::set<Parameter*> seen;
    for (const auto& [module_name, module] : modules())
        for (const auto& [name, parameter] : module->parameters_)
            if (seen.insert(parameter.get()).second) all.emplace_back(joined(module_name, name), parameter.get());
    return all;
}

std::vector<std::pair<std::string, Tensor*>> Module::buffers() {
    std::vector<std::pair<std::string, Tensor*>> all;
    std::set<Tensor*> seen;
    for (const auto& [module_name, module] : modules())
        for (const auto& [name, buffer] : module->buffers_)
            if (seen.insert(buffer.get()).second) all.emplace_back(joined(module_name, name), buffer.get());
    return all;
}

std::int64_t Module::parameter_count() {
    std::int64_t count = 0;
    for (const auto& [name, parameter] : parameters()) count += parameter->variable.shape().elements();
    return count;
}

void Module::set_own_precision(const Precision& precision) {
    precision_ = precision;
    for (const auto& [name, parameter] : parameters_) parameter->set_precision(precision);
}

void Module::set_precision(const Precision& precision) {
    for (const auto& [name, module] : modules()) module->set_own_precision(precision);
    slots_["input"] = precision.inputs;
}

void Module::set_precision(const std::string& name, const Precision& precision) {
    bool found = false;
    for (const auto& [full, module] : modules()) {
        if (full != name && full.rfind(name + ".", 0) != 0) continue;
        module->set_own_precision(precision);
        found = true;
    }
    if (found) return;
    std::string names;
    for (const auto& [full, module] : modules()) names += full.empty() ? "" : (names.empty() ? "" : ", ") + full;
    throw Error(fmt::format("set_precision: no such module: {} (want one of {})", name, names));
}

void Module::train(bool on) {
    for (const auto& [name, module] : modules()) module->training_ = on;
}

NamedTensors Module::state() {
    NamedTensors tensors;
    for (const auto& [name, parameter] : parameters()) tensors[name] = parameter->most_precise().clone();
    for (const auto& [name, buffer] : buffers()) tensors[name] = buffer->clone();
    return tensors;
}

void Module::load(const NamedTensors& tensors) {
    std::map<std::string, Shape> wanted;
    for (const auto& [name, parameter] : parameters()) wanted.emplace(name, parameter->variable.shape());
    std::set<const Tensor*> optional;
    for (const auto& [name, module] : modules()) optional.insert(module->optional_buffers_.begin(), module->optional_buffers_.end());
    for (const auto& [name, buffer] : buffers())
        if (tensors.count(name) || !optional.count(buffer)) wanted.emplace(name, buffer->shape());
    for (const auto& [name, shape] : wanted) {
        const auto found = tensors.find(name);
        if (found == tensors.end()) throw Error(fmt::format("load: a tensor is missing: {} (want shape {})", name, shape.str()));
        if (found->second.shape() != shape) throw Error(fmt::format("load: shape differs: {} is {} (want {})", name, found->second.shape().str(), shape.str()));
    }
    for (const auto& [name, tensor] : tensors)
        if (!wanted.count(name)) throw Error(fmt::format("load: unknown tensor: {} {} (the module has none of that name)", name, tensor.shape().str()));
    for (const auto& [name, parameter] : parameters()) parameter->assign(tensors.at(name).to(parameter->variable.value().device()));
    for (const auto& [name, buffer] : buffers())
        if (wanted.count(name)) buffer->assign(tensors.at(name).to(buffer->format()).to(buffer->device()));
}

void Module::freeze(bool on) {
    for (const auto& [name, parameter] : parameters()) parameter->variable.set_requires_grad(!on);
}

void Module::to(const Device& device) {
    for (const auto& [name, parameter] : parameters()) parameter->to(device);
    for (const auto& [name, buffer] : buffers()) {
        *buffer = buffer->to(device);
        buffer->set_role(Role::buffers);
    }
}

Variable Module::round(const std::string& name, const Variable& x) { return apply_slot(name, precision_.activations, x); }

void Module::set_rounding(const std::string& slot, const Output& target) { slots_[slot] = target; }

// A value that is in the slot's format lies on its grid: rounding it would change nothing.
Variable Module::apply_slot(const std::string& slot, const Output& otherwise, const Variable& x) const {
    const auto found = slots_.find(slot);
    const Output& target = found == slots_.end() ? otherwise : found->second;
    if (!target || x.format() == target->format || x.format().is_index()) return x;
    return activation(quantize(x, target));
}

void Module::check_name(const std::string& name) const {
    const auto is_used = [&](const auto& entries) {
        return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) { return entry.first == name; });
    };
    if (name.empty() || name.find('.') != std::string::npos) throw Error(fmt::format("Module: not a name: \"{}\" (want one without dots, not empty)", name));
    if (is_used(parameters_) || is_used(buffers_) || is_used(children_)) throw Error(fmt::format("Module: name used twice: {} (want another)", name));
}

Parameter& Module::add_parameter(const std::string& name, const Tensor& initial) {
    check_name(name);
    return *parameters_.emplace_back(name, std::make_unique<Parameter>(initial)).second;
}

Tensor& Module::add_buffer(const std::string& name, const Tensor& initial, InFiles presence) {
    check_name(name);
    Tensor& buffer = *buffers_.emplace_back(name, std::make_unique<Tensor>(initial.clone())).second;
    buffer.set_role(Role::buffers);
    if (presence == InFiles::optional) optional_buffers_.insert(&buffer);
    return buffer;
}

void Module::add(const std::string& name, Module& child) {
    check_name(name);
    children_.emplace_back(name, &child);
}

ProductOptions Module::product_options(Activation activation) const {
    return {.output = precision_.activations,
            .forward = precision_.forward,
            .backward_data = precision_.backward_data,
            .backward_weights = precision_.backward_weights,
            .activation = activation};
}

Variable Module::activation(Variable y) const {
    if (y.requires_grad()) y.set_gradient_target(precision_.errors);
    return y;
}

}  // namespace taper::nn
