// Precision: which format, rounding and accumulator each role of a training run uses.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <taper/core/accumulator.h>
#include <taper/core/target.h>
#include <taper/core/tensor.h>

namespace taper::nn {

// Unset roles are float32.  Usage: model.set_precision({.inputs = p8, .weights = p8, .activations = p8, ...});
struct Precision {
    Target inputs = {};       // what the network reads
    Target weights = {};      // every parameter, biases too, as forward and backward read them
    Target activations = {};  // results of layers
    Target errors = {};       // gradients of activations
    Target gradients = {};    // gradients of weights
    Target loss = {};         // logits, and their gradient
    Target master = {};       // the copy of the weights that the optimizer updates
    Target state = {};        // what the optimizer keeps: momentum, moments, compensation
    Accumulator forward = {}, backward_data = {}, backward_weights = {};
    friend bool operator==(const Precision&, const Precision&) = default;
};

// The roles by name, in the order above.
struct TargetRole {
    const char* name;
    Target Precision::*target;
};
struct AccumulatorRole {
    const char* name;
    Accumulator Precision::*accumulator;
};
inline constexpr std::array<TargetRole, 8> target_roles{{{"inputs", &Precision::inputs},
                                                         {"weights", &Precision::weights},
                                                         {"activations", &Precision::activations},
                                                         {"errors", &Precision::errors},
                                                         {"gradients", &Precision::gradients},
                                                         {"loss", &Precision::loss},
                                                         {"master", &Precision::master},
                                                         {"state", &Precision::state}}};
inline constexpr std::array<AccumulatorRole, 3> accumulator_roles{
    {{"forward", &Precision::forward}, {"backward_data", &Precision::backward_data}, {"backward_weights", &Precision::backward_weights}}};

// "posit(8,2)"; a rounding other than nearest follows its format: "posit(8,2) stochastic".
std::string text(const Target& target);
Target parse_target(const std::string& text);  // the reverse; throws Error

// `value` in the target's format; a stochastic rounding takes one stream of the default generator, but none where the format is the same.
Tensor rounded(const Tensor& value, const Target& target);

// One pair a role, in the order above: {"inputs", "posit(8,2)"}.
std::vector<std::pair<std::string, std::string>> describe(const Precision& precision);
// The same as lines "inputs            posit(8,2)", one a role.
std::string table(const Precision& precision);

}  // namespace taper::nn
