#include "common/precision_options.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <taper/formats/error.h>

namespace taper::apps {
namespace {

// In the order of nn::target_roles.
constexpr std::array<const char*, 8> role_help{"what the network reads",
                                               "weights and biases as forward and backward read them",
                                               "results of layers",
                                               "gradients of activations",
                                               "gradients of weights",
                                               "logits and their gradient",
                                               "the copy of the weights that the optimizer updates",
                                               "the optimizer's momentum"};
// In the order of nn::accumulator_roles.
constexpr std::array<const char*, 3> accumulator_flags{"--accumulate-forward", "--accumulate-backward-data", "--accumulate-backward-weights"};

template <class Value, class Parse>
void add_parsed(CLI::App& app, const std::string& flag, std::optional<Value>& value, Parse parse, const std::string& help, const char* type,
                const std::string& group) {
    const auto read = [&value, parse, flag](const std::string& text) {
        try {
            value = parse(text);
        } catch (const Error& error) {
            throw CLI::ValidationError(flag, error.what());
        }
    };
    app.add_option_function<std::string>(flag, read, help)->type_name(type)->group(group);
}

}  // namespace

nn::Precision posit_mix() {
    const Format p8 = Format::posit(8, 2), p16 = Format::posit(16, 2);
    return {.inputs = p8, .weights = p8, .activations = p8, .errors = p8, .gradients = p8, .loss = p16, .master = p16, .state = p16};
}

nn::Recipe PrecisionOptions::recipe() const {
    nn::Recipe recipe = base.value_or(nn::Recipe{});
    if (posit) recipe.precision = posit_mix();
    const nn::Recipe before = recipe;
    nn::Precision& precision = recipe.precision;
    for (std::size_t i = 0; i < roles.size(); ++i)
        if (roles[i]) precision.*nn::target_roles[i].target = *roles[i];
    if (accumulate) precision.forward = precision.backward_data = precision.backward_weights = *accumulate;
    if (accumulate_backward) precision.backward_data = precision.backward_weights = *accumulate_backward;
    for (std::size_t i = 0; i < accumulators.size(); ++i)
        if (accumulators[i]) precision.*nn::accumulator_roles[i].accumulator = *accumulators[i];
    recipe.step = step.value_or(recipe.step);
    if (recipe != before) recipe.name.clear();
    return recipe;
}

void add_precision_options(CLI::App& app, PrecisionOptions& options) {
    const char* formats = "Formats by role (\"posit(8,2)\", bf16, e4m3, \"fixed(8,4)\", \"posit(8,2) stochastic\", ...; float32 where none is named)";
    auto* posit = app.add_flag("--posit", options.posit, "posit(8,2), with posit(16,2) for loss, master and state; roles named apart override it")->group(formats);
    std::string presets;
    for (const std::string& name : nn::recipe_names()) presets += (presets.empty() ? "" : ", ") + name;
    add_parsed(app, "--precision", options.base, nn::find_recipe, "a recipe: a JSON file (docs/recipes.md) or one of " + presets + "; roles named apart override it",
               "FILE|PRESET", formats);
    app.get_option("--precision")->excludes(posit);
    for (std::size_t i = 0; i < role_help.size(); ++i)
        add_parsed(app, fmt::format("--{}", nn::target_roles[i].name), options.roles[i], nn::parse_target, role_help[i], "FORMAT", formats);
    const char* sums = "Sums of products";
    const auto parse = [](const std::string& text) { return Accumulator::parse(text); };
    add_parsed(app, "--accumulate", options.accumulate, parse,
               "how matrix products and convolutions add up: float32 (the default), float64, exact, \"rounded(posit(16,2))\", \"rounded(fp16,fp16)\", "
               "\"rounded_f32(fp16)\", \"chunked(64,float32,fp16)\", \"compensated(bf16)\", ...",
               "MODE", sums);
    add_parsed(app, "--accumulate-backward", options.accumulate_backward, parse, "the same for the two backward products", "MODE", sums);
    for (std::size_t i = 0; i < accumulator_flags.size(); ++i)
        add_parsed(app, accumulator_flags[i], options.accumulators[i], parse, "the same for one of the three products", "MODE", sums);
}

void add_step_option(CLI::App& app, PrecisionOptions& options, const std::string& group) {
    add_parsed(app, "--step", options.step, core::parse_step_rounding,
               "what the optimizer rounds: its results alone, every-operation (each product and each sum), or fused (products and sums in one); default: what "
               "the recipe says, else results",
               "ORDER", group);
}

std::string label(const nn::Recipe& recipe) {
    if (!recipe.name.empty()) return recipe.name;
    const nn::Precision& precision = recipe.precision;
    const bool one = recipe.layers.empty() && recipe.roundings.empty() && precision.inputs == precision.weights && precision.weights == precision.activations && precision.activations == precision.errors
                     && precision.errors == precision.gradients;
    std::string text = one ? nn::describe(precision).front().second : "mixed";
    if (precision.forward == precision.backward_data && precision.forward == precision.backward_weights) {
        if (precision.forward != Accumulator()) text += " " + precision.forward.name();
    } else {
        text += " mixed sums";
    }
    return text;
}

}  // namespace taper::apps
