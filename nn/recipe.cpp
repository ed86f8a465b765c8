#include <taper/nn/recipe.h>

#include <fstream>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/recipe_presets.h>

namespace taper::nn {
namespace {

constexpr std::size_t largest_file = 1 << 20;  // bytes

bool matches(std::string_view pattern, std::string_view name) {
    if (pattern.empty()) return name.empty();
    if (pattern.front() != '*') return !name.empty() && pattern.front() == name.front() && matches(pattern.substr(1), name.substr(1));
    const bool any = pattern.substr(0, 2) == "**";
    const std::string_view rest = pattern.substr(any ? 2 : 1);
    for (std::size_t taken = 0; taken <= name.size(); ++taken) {
        if (matches(rest, name.substr(taken))) return true;
        if (taken < name.size() && name[taken] == '.' && !any) return false;
    }
    return false;
}

// The modules of a network as patterns see them.
class Names {
  public:
    explicit Names(Module& model) : modules_(model.modules()) {
        for (const auto& [name, parameter] : model.parameters()) {
            if (parameter->variable.shape().rank() < 2) continue;
            last_ = name.substr(0, name.find_last_of('.') == std::string::npos ? 0 : name.find_last_of('.'));
            if (!first_) first_ = last_;
        }
    }
    bool named(const std::string& pattern, const std::string& name) const {
        if (pattern == "<first>") return first_ == name;
        if (pattern == "<last>") return last_ == name;
        return name.empty() ? pattern.empty() : matches(pattern, name);
    }
    // Also inside a module that is named; the network itself holds all, but "" names it alone.
    bool within(const std::string& pattern, const std::string& name) const {
        for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
            if (named(pattern, name.substr(0, dot))) return true;
        return named(pattern, name);
    }
    const std::vector<std::pair<std::string, Module*>>& modules() const { return modules_; }
    void check(const std::string& pattern) const {
        std::string all;
        for (const auto& [name, module] : modules_) {
            if (named(pattern, name)) return;
            if (!name.empty()) all += (all.empty() ? "" : ", ") + name;
        }
        throw Error(fmt::format("recipe: a pattern names no module: \"{}\" (want one of {})", pattern, all));
    }

  private:
    std::vector<std::pair<std::string, Module*>> modules_;
    std::optional<std::string> first_, last_;
};

void overlay(const LayerRule& rule, Precision& precision) {
    for (std::size_t i = 0; i < target_roles.size(); ++i)
        if (rule.targets[i]) precision.*target_roles[i].target = *rule.targets[i];
    for (std::size_t i = 0; i < accumulator_roles.size(); ++i)
        if (rule.accumulators[i]) precision.*accumulator_roles[i].accumulator = *rule.accumulators[i];
}

}  // namespace

void apply(const Recipe& recipe, Module& model) {
    const Names names(model);
    for (const LayerRule& rule : recipe.layers) names.check(rule.layers);
    for (const RoundingRule& rule : recipe.roundings) names.check(rule.layers);
    for (const auto& [name, module] : names.modules()) {
        Precision precision = recipe.precision;
        for (const LayerRule& rule : recipe.layers)
            if (names.within(rule.layers, name)) overlay(rule, precision);
        module->set_own_precision(precision);
        if (name.empty()) module->set_rounding("input", precision.inputs);
        for (const RoundingRule& rule : recipe.roundings)
            if (names.named(rule.layers, name)) module->set_rounding(rule.slot, rule.target);
    }
}

std::vector<std::string> modules_named(const std::string& pattern, Module& model) {
    const Names names(model);
    names.check(pattern);
    std::vector<std::string> named;
    for (const auto& [name, module] : names.modules())
        if (names.within(pattern, name)) named.push_back(name);
    return named;
}

std::vector<std::string> recipe_names() {
    std::vector<std::string> names;
    for (const auto& [name, json] : recipe_presets) names.emplace_back(name);
    return names;
}

Recipe find_recipe(const std::string& preset_or_file) {
    std::string names;
    for (const auto& [name, json] : recipe_presets) {
        if (preset_or_file == name) return parse_recipe(json);
        names += std::string(names.empty() ? "" : ", ") + name;
    }
    std::ifstream file(preset_or_file, std::ios::binary);
    std::string content(largest_file + 1, '\0');
    file.read(content.data(), static_cast<std::streamsize>(content.size()));
    content.resize(static_cast<std::size_t>(file.gcount()));
    if (!file.eof() && content.size() > largest_file)
        throw Error(fmt::format("recipe: the file is too large: {} has more than {} bytes (want less)", preset_or_file, largest_file));
    if (!file.eof()) throw Error(fmt::format("recipe: neither a preset nor a file that can be read: {} (want a file, or one of {})", preset_or_file, names));
    try {
        return parse_recipe(content);
    } catch (const Error& error) {
        throw Error(fmt::format("{}: {}", preset_or_file, error.what()));
    }
}

std::vector<std::pair<std::string, std::string>> describe_rules(const Recipe& recipe) {
    std::vector<std::pair<std::string, std::string>> pairs;
    const auto called = [](const std::string& layers) { return layers.empty() ? std::string("network") : layers; };
    for (const LayerRule& rule : recipe.layers) {
        for (std::size_t i = 0; i < target_roles.size(); ++i)
            if (rule.targets[i]) pairs.emplace_back(fmt::format("{} {}", called(rule.layers), target_roles[i].name), text(*rule.targets[i]));
        for (std::size_t i = 0; i < accumulator_roles.size(); ++i)
            if (rule.accumulators[i]) pairs.emplace_back(fmt::format("{} {}", called(rule.layers), accumulator_roles[i].name), rule.accumulators[i]->name());
    }
    for (const RoundingRule& rule : recipe.roundings)
        pairs.emplace_back(fmt::format("{}.{}", called(rule.layers), rule.slot), rule.target ? text(*rule.target) : "none");
    return pairs;
}

}  // namespace taper::nn
