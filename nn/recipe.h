// Recipe: where a network rounds and into what, as data: a Precision with exceptions by layer and rounding points, in JSON (docs/recipes.md).
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <taper/core/steps.h>
#include <taper/nn/module.h>
#include <taper/nn/precision.h>

namespace taper::nn {

// What the modules that `layers` names have of their own; unset roles stay as they are.
struct LayerRule {
    std::string layers;                                           // a pattern
    std::array<std::optional<Target>, 8> targets = {};            // in the order of target_roles
    std::array<std::optional<Accumulator>, 3> accumulators = {};  // in the order of accumulator_roles
    friend bool operator==(const LayerRule&, const LayerRule&) = default;
};

// A slot of modules, "input", "output" or what a model's round() names, and what is rounded there; unset: nothing is.
struct RoundingRule {
    std::string layers;  // a pattern
    std::string slot;
    Output target;
    friend bool operator==(const RoundingRule&, const RoundingRule&) = default;
};

// Patterns name modules in full, "layer1.0.conv1": * stands for any characters but dots, ** for any, "" alone is the network itself, <first>
// and <last> are the first and the last module that has a parameter of two or more axes of its own.  A LayerRule also takes the modules inside
// those it names, but for ""; a RoundingRule does not.
struct Recipe {
    std::string name = {};  // may be empty
    Precision precision = {};
    core::StepRounding step = core::StepRounding::results;  // what the optimizer is to round
    std::vector<LayerRule> layers = {};        // a later one wins
    std::vector<RoundingRule> roundings = {};  // likewise
    friend bool operator==(const Recipe&, const Recipe&) = default;
};

// JSON to a recipe and back: parse_recipe(print(r)) == r.  Throws Error on text that is not JSON, and on unknown, repeated and misused keys, which it names.
Recipe parse_recipe(std::string_view json);
std::string print(const Recipe& recipe);

// A preset by name, or else a file's content; throws Error, naming the file, or listing the presets where there is no such file.
Recipe find_recipe(const std::string& preset_or_file);
std::vector<std::string> recipe_names();  // of the presets

// Sets the precision and the slots of all modules (`step` is for who makes the optimizer), and rounds the parameters once; throws Error, before any change, on a pattern that names no module.
void apply(const Recipe& recipe, Module& model);

// The modules that a LayerRule with this pattern takes, in the network's order; throws Error if the pattern names none.
std::vector<std::string> modules_named(const std::string& pattern, Module& model);

// What a recipe adds to its precision, one pair a choice: {"<first> weights", "posit(16,1)"}, {"layer1.*.conv1.input", "posit(8,2)"}.
std::vector<std::pair<std::string, std::string>> describe_rules(const Recipe& recipe);

}  // namespace taper::nn
