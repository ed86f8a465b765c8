// Recipes from JSON and to it.
#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <taper/formats/error.h>
#include <taper/nn/recipe.h>

namespace taper::nn {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view nothing = "none";  // a rounding point at which nothing is rounded

// Files are hostile: what is quoted in an Error is short and printable.
std::string shown(std::string_view text) {
    std::string printable;
    for (const char c : text.substr(0, 60)) printable += c >= ' ' && c <= '~' ? c : '?';
    return fmt::format("\"{}{}\"", printable, text.size() > 60 ? "..." : "");
}

Json parse_json(std::string_view text) {
    std::vector<std::set<std::string>> keys;  // of the objects that are open
    const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
        if (event == Json::parse_event_t::object_start) keys.emplace_back();
        if (event == Json::parse_event_t::object_end) keys.pop_back();
        if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
            throw Error(fmt::format("recipe: a key comes twice: {} (want each once)", shown(parsed.get<std::string>())));
        if (depth > 8) throw Error("recipe: nested too deep: more than 8 levels came (want at most 2)");
        return true;
    };
    try {
        return Json::parse(text.begin(), text.end(), check);
    } catch (const nlohmann::json::parse_error& error) {
        throw Error(fmt::format("recipe: not JSON: an error at byte {} (want an object of roles)", error.byte));
    }
}

// The text of an entry, read by `parse`; Errors name the key.
template <class Parse>
auto value_of(const std::string& key, const Json& value, Parse parse) {
    if (!value.is_string()) throw Error(fmt::format("recipe: not a text: {} is {} (want a string)", shown(key), value.type_name()));
    try {
        return parse(value.get<std::string>());
    } catch (const Error& error) {
        throw Error(fmt::format("recipe: {}: {}", shown(key), error.what()));
    }
}

// Keys and values of recipes are written with _, flags with -.
std::string with(char wanted, std::string text) {
    std::replace(text.begin(), text.end(), wanted == '_' ? '-' : '_', wanted);
    return text;
}

std::string same(const std::string& text) { return text; }

std::optional<std::size_t> index_of(const auto& roles, const std::string& name) {
    for (std::size_t i = 0; i < roles.size(); ++i)
        if (roles[i].name == name) return i;
    return {};
}

[[noreturn]] void unknown_key(const std::string& key, const std::string& wanted) {
    throw Error(fmt::format("recipe: unknown key: {} (want {})", shown(key), wanted));
}

std::string role_names() {
    std::string names;
    for (const auto& role : target_roles) names += (names.empty() ? "" : ", ") + std::string(role.name);
    for (const auto& role : accumulator_roles) names += ", " + std::string(role.name);
    return names;
}

// Whether the key is a role; then the rule has it.
bool read_role(const std::string& key, const Json& value, LayerRule& rule) {
    if (const auto i = index_of(target_roles, key)) {
        rule.targets[*i] = value_of(key, value, parse_target);
        return true;
    }
    if (const auto i = index_of(accumulator_roles, key)) {
        rule.accumulators[*i] = value_of(key, value, [](const std::string& text) { return Accumulator::parse(text); });
        return true;
    }
    return false;
}

Target scaled(const std::string& key, const Json& scale, const Target& target) {
    if (!scale.is_number()) throw Error(fmt::format("recipe: not a number: the scale of {} is {} (want a power of two)", shown(key), scale.type_name()));
    try {
        return {target.format.scaled(target.format.scale() * scale.get<double>()), target.rounding};
    } catch (const Error& error) {
        throw Error(fmt::format("recipe: the scale of {}: {}", shown(key), error.what()));
    }
}

// "scale" of roles: an object of the roles' constant scales, on top of those that their formats' names have.
void read_scales(const Json& entry, LayerRule& rule) {
    if (!entry.contains("scale")) return;
    const Json& scales = entry["scale"];
    if (!scales.is_object()) throw Error(fmt::format("recipe: not an object: \"scale\" is {} (want roles with their scales)", scales.type_name()));
    for (const auto& [key, scale] : scales.items()) {
        const auto i = index_of(target_roles, key);
        if (!i || !rule.targets[*i]) throw Error(fmt::format("recipe: a scale without a format: {} (want a role with its format beside \"scale\")", shown(key)));
        rule.targets[*i] = scaled(key, scale, *rule.targets[*i]);
    }
}

LayerRule read_layers(const Json& entry) {
    LayerRule rule;
    for (const auto& [key, value] : entry.items()) {
        if (key == "inputs" || key == "loss")
            throw Error(fmt::format("recipe: a role of the network, not of layers: \"{}\" (want it outside \"layers\")", key));
        if (key == "match")
            rule.layers = value_of(key, value, same);
        else if (key != "scale" && !read_role(key, value, rule))
            unknown_key(key, "match, " + role_names() + ", scale");
    }
    read_scales(entry, rule);
    return rule;
}

RoundingRule read_rounding(const Json& entry) {
    RoundingRule rule;
    for (const auto& [key, value] : entry.items()) {
        if (key == "match")
            rule.layers = value_of(key, value, same);
        else if (key == "slot")
            rule.slot = value_of(key, value, same);
        else if (key == "format")
            rule.target = value_of(key, value, [](const std::string& text) { return text == nothing ? Output() : Output(parse_target(text)); });
        else if (key != "scale")
            unknown_key(key, "match, slot, format, scale");
    }
    for (const char* key : {"slot", "format"})
        if (!entry.contains(key)) throw Error(fmt::format("recipe: a rounding point lacks a key: \"{}\" (want match, slot and format)", key));
    if (entry.contains("scale") && !rule.target) throw Error("recipe: a scale without a format: \"scale\" at a rounding point of none (want a format)");
    if (entry.contains("scale")) rule.target = scaled("format", entry["scale"], *rule.target);
    if (rule.slot.empty()) throw Error("recipe: a rounding point has no name: \"slot\" is empty (want input, output or a model's own)");
    if (rule.layers.empty() && rule.slot == "input") throw Error("recipe: a rounding point that is a role: the network's \"input\" (want the role \"inputs\")");
    return rule;
}

template <class Read>
auto read_list(const char* key, const Json& list, Read read) {
    std::vector<decltype(read(list))> rules;
    if (!list.is_array()) throw Error(fmt::format("recipe: not a list: \"{}\" is {} (want an array of objects)", key, list.type_name()));
    for (const Json& entry : list) {
        if (!entry.is_object()) throw Error(fmt::format("recipe: not an object: \"{}\" holds {} (want objects)", key, entry.type_name()));
        if (!entry.contains("match")) throw Error(fmt::format("recipe: an entry of \"{}\" lacks a key: \"match\" (want a pattern of layers)", key));
        rules.push_back(read(entry));
    }
    return rules;
}

void write_roles(const LayerRule& rule, Json& entry) {
    for (std::size_t i = 0; i < target_roles.size(); ++i)
        if (rule.targets[i]) entry[target_roles[i].name] = text(*rule.targets[i]);
    for (std::size_t i = 0; i < accumulator_roles.size(); ++i)
        if (rule.accumulators[i]) entry[accumulator_roles[i].name] = rule.accumulators[i]->name();
}

}  // namespace

Recipe parse_recipe(std::string_view text) {
    const Json json = parse_json(text);
    if (!json.is_object()) throw Error(fmt::format("recipe: not an object: {} came (want an object of roles)", json.type_name()));
    Recipe recipe;
    LayerRule all;
    for (const auto& [key, value] : json.items()) {
        if (key == "name")
            recipe.name = value_of(key, value, same);
        else if (key == "step")
            recipe.step = value_of(key, value, [](const std::string& text) { return core::parse_step_rounding(with('-', text)); });
        else if (key == "layers")
            recipe.layers = read_list("layers", value, read_layers);
        else if (key == "roundings")
            recipe.roundings = read_list("roundings", value, read_rounding);
        else if (key != "scale" && !read_role(key, value, all))
            unknown_key(key, "name, " + role_names() + ", scale, step, layers, roundings");
    }
    read_scales(json, all);
    for (std::size_t i = 0; i < target_roles.size(); ++i) recipe.precision.*target_roles[i].target = all.targets[i].value_or(Target());
    for (std::size_t i = 0; i < accumulator_roles.size(); ++i) recipe.precision.*accumulator_roles[i].accumulator = all.accumulators[i].value_or(Accumulator());
    return recipe;
}

std::string print(const Recipe& recipe) {
    Json json;
    if (!recipe.name.empty()) json["name"] = recipe.name;
    for (const auto& [role, value] : describe(recipe.precision)) json[role] = value;
    if (recipe.step != core::StepRounding::results) json["step"] = with('_', core::name(recipe.step));
    for (const LayerRule& rule : recipe.layers) {
        Json entry{{"match", rule.layers}};
        write_roles(rule, entry);
        json["layers"].push_back(entry);
    }
    for (const RoundingRule& rule : recipe.roundings)
        json["roundings"].push_back({{"match", rule.layers}, {"slot", rule.slot}, {"format", rule.target ? nn::text(*rule.target) : std::string(nothing)}});
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace taper::nn
