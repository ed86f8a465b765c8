#include "common/precision_options.h"

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::apps {
namespace {

struct RoleOption {
    const char* flag;
    Target nn::Precision::*role;
    const char* help;
};
constexpr std::array<RoleOption, 8> role_options{{
    {"--inputs", &nn::Precision::inputs, "what the network reads"},
    {"--weights", &nn::Precision::weights, "weights and biases as forward and backward read them"},
    {"--activations", &nn::Precision::activations, "results of layers"},
    {"--errors", &nn::Precision::errors, "gradients of activations"},
    {"--gradients", &nn::Precision::gradients, "gradients of weights"},
    {"--loss", &nn::Precision::loss, "logits and their gradient"},
    {"--master", &nn::Precision::master, "the copy of the weights that the optimizer updates"},
    {"--state", &nn::Precision::state, "the optimizer's momentum"},
}};

struct AccumulatorOption {
    const char* flag;
    Accumulator nn::Precision::*role;
};
constexpr std::array<AccumulatorOption, 3> accumulator_options{{
    {"--accumulate-forward", &nn::Precision::forward},
    {"--accumulate-backward-data", &nn::Precision::backward_data},
    {"--accumulate-backward-weights", &nn::Precision::backward_weights},
}};

template <class Value, class Parse>
void add_parsed(CLI::App& app, const std::string& flag, std::optional<Value>& value, Parse parse, const std::string& help, const char* type,
                const char* group) {
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

nn::Precision PrecisionOptions::precision() const {
    nn::Precision precision = posit ? posit_mix() : nn::Precision{};
    for (std::size_t i = 0; i < roles.size(); ++i)
        if (roles[i]) precision.*role_options[i].role = *roles[i];
    precision.forward = accumulate.value_or(Accumulator());
    precision.backward_data = precision.backward_weights = accumulate_backward.value_or(precision.forward);
    for (std::size_t i = 0; i < accumulators.size(); ++i)
        if (accumulators[i]) precision.*accumulator_options[i].role = *accumulators[i];
    return precision;
}

Target parse_target(const std::string& text) {
    const std::size_t blank = text.find_last_of(' ', text.find_last_not_of(' '));
    const std::size_t before = blank == std::string::npos ? blank : text.find_last_not_of(' ', blank);
    // Names may hold blanks themselves: "posit(8, 2)", "e4m3, sat".
    if (before == std::string::npos || text[before] == ',' || text.find_first_of(",()", blank) != std::string::npos) return Format::parse(text);
    return {Format::parse(text.substr(0, blank)), parse_rounding(text.substr(blank + 1, text.find_last_not_of(' ') - blank))};
}

void add_precision_options(CLI::App& app, PrecisionOptions& options) {
    const char* formats = "Formats by role (\"posit(8,2)\", bf16, e4m3, \"fixed(8,4)\", \"posit(8,2) stochastic\", ...; float32 where none is named)";
    app.add_flag("--posit", options.posit, "posit(8,2), with posit(16,2) for loss, master and state; roles named apart override it")->group(formats);
    for (std::size_t i = 0; i < role_options.size(); ++i)
        add_parsed(app, role_options[i].flag, options.roles[i], parse_target, role_options[i].help, "FORMAT", formats);
    const char* sums = "Sums of products";
    const auto parse = [](const std::string& text) { return Accumulator::parse(text); };
    add_parsed(app, "--accumulate", options.accumulate, parse,
               "how matrix products and convolutions add up: float32 (the default), float64, exact, \"rounded(posit(16,2))\", \"rounded(fp16,fp16)\", "
               "\"rounded_f32(fp16)\", \"chunked(64,float32,fp16)\", \"compensated(bf16)\", ...",
               "MODE", sums);
    add_parsed(app, "--accumulate-backward", options.accumulate_backward, parse, "the same for the two backward products", "MODE", sums);
    for (std::size_t i = 0; i < accumulator_options.size(); ++i)
        add_parsed(app, accumulator_options[i].flag, options.accumulators[i], parse, "the same for one of the three products", "MODE", sums);
}

std::string label(const nn::Precision& precision) {
    const bool one = precision.inputs == precision.weights && precision.weights == precision.activations && precision.activations == precision.errors
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
