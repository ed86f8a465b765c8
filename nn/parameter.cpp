#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/module.h>

namespace taper::nn {
Parameter::Parameter(const Tensor& initial) : variable(Variable::leaf(initial)) { assign(initial); }

void Parameter::assign(const Tensor& value) {
    if (value.shape() != variable.shape()) throw Error(fmt::format("Parameter: shape differs: {} came (want {})", value.shape().str(), variable.shape().str()));
    // The optimizer writes in place, so a value that is in its final format already must not stay shared with the caller.
    place(value.format() == precision.master.format ? value.clone() : value);
}

void Parameter::set_precision(const Precision& wanted) {
    precision = wanted;
    variable.zero_grad();
    variable.set_gradient_target(precision.gradients);
    place(most_precise());
}

void Parameter::restore_weight(const Tensor& weight) {
    if (weight.shape() != variable.shape() || weight.format() != variable.format())
        throw Error(fmt::format("Parameter: weight differs: {} in {} came (want {} in {})", weight.shape().str(), weight.format().name(),
                                variable.shape().str(), variable.format().name()));
    const Tensor own = weight.clone().to(variable.value().device());
    own.set_role(Role::parameters);
    variable.set_value(own);
}

void Parameter::to(const Device& device) {
    variable.zero_grad();
    variable.set_value(variable.value().to(device));
    variable.value().set_role(Role::parameters);
    if (!master.defined()) return;
    master = master.to(device);
    master.set_role(Role::master);
}

// In equal formats weight = r_weight(master) is the master itself, whatever the roundings are.
void Parameter::place(const Tensor& value) {
    const Tensor precise = rounded(value, precision.master);
    const bool own_master = precision.master.format != precision.weights.format;
    const Tensor weight = own_master ? rounded(precise, precision.weights) : precise;
    master = own_master ? precise : Tensor();
    if (own_master) master.set_role(Role::master);
    weight.set_role(Role::parameters);
    variable.set_value(weight);
}

}  // namespace taper::nn
