// What the optimizers share: the roundings of a step from a parameter's precision and the draws that they need.
#pragma once

#include <cstdint>
#include <string>

#include <taper/core/io.h>
#include <taper/core/random.h>
#include <taper/core/steps.h>
#include <taper/nn/optim/optimizer.h>

namespace taper::nn {

// Sets the roundings of `step`; where one is stochastic, takes `streams` streams of the default generator.
template <class Step>
void set_roundings(Step& step, const Parameter& parameter, std::uint64_t streams) {
    const Precision& precision = parameter.precision;
    step.master_rounding = precision.master.rounding;
    // A weight that is its own master is rounded once, as a master.
    step.weight_rounding = parameter.master.defined() ? precision.weights.rounding : precision.master.rounding;
    step.state_rounding = precision.state.rounding;
    for (const Target* target : {&precision.master, &precision.weights, &precision.state}) {
        if (target->rounding != Rounding::stochastic) continue;
        step.seed = default_generator().seed();
        step.stream = default_generator().next_stream();
        for (std::uint64_t further = 1; further < streams; ++further) default_generator().next_stream();
        return;
    }
}

// The settings that groups of options share, those that are not the default: "rounding", "compensated", and "1.rounding" of the second group.
template <class Groups>
Metadata step_settings(const Groups& groups) {
    Metadata settings;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        const std::string prefix = i == 0 ? "" : std::to_string(i) + ".";
        if (groups[i].rounding != core::StepRounding::results) settings[prefix + "rounding"] = name(groups[i].rounding);
        if (groups[i].compensated) settings[prefix + "compensated"] = "yes";
    }
    return settings;
}

// The options of each group.
template <class Options>
std::vector<Options> options_of(const ParameterGroups<Options>& groups) {
    std::vector<Options> all;
    for (const auto& group : groups) all.push_back(group.options);
    return all;
}

}  // namespace taper::nn
