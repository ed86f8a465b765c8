// Options of a command line that choose a Recipe: --precision FILE|PRESET, --posit, a format for each role (--weights "posit(8,2)"), accumulators.
#pragma once

#include <array>
#include <optional>
#include <string>

#include <taper/nn/recipe.h>

namespace CLI {
class App;
}

namespace taper::apps {

// Inputs, weights, activations, errors, gradients in posit(8,2); loss, master, state in posit(16,2).
nn::Precision posit_mix();

// What the options said; roles that none named are those of --precision, of posit_mix() under --posit, else float32.
struct PrecisionOptions {
    bool posit = false;
    std::optional<nn::Recipe> base = {};                          // of --precision
    std::array<std::optional<Target>, 8> roles = {};              // in the order of nn::Precision
    std::optional<Accumulator> accumulate = {};                   // all three products
    std::optional<Accumulator> accumulate_backward = {};          // backward-data and backward-weights
    std::array<std::optional<Accumulator>, 3> accumulators = {};  // forward, backward-data, backward-weights
    std::optional<core::StepRounding> step = {};                  // of the optimizer
    // The recipe's layers and rounding points stay; its name goes where an option changed a role.
    nn::Recipe recipe() const;
};

// Adds the options to `app`; a bad name is a CLI::ValidationError.  `options` must outlive the parsing.
void add_precision_options(CLI::App& app, PrecisionOptions& options);

// --step, of the programs that have an optimizer.
void add_step_option(CLI::App& app, PrecisionOptions& options, const std::string& group);

// A short name of a run: the recipe's own, or the format that inputs, weights, activations, errors and gradients share ("mixed" where they do
// not, or where layers have others), with the accumulator if it is another one than float32.
std::string label(const nn::Recipe& recipe);

}  // namespace taper::apps
