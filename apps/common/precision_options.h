// Options of a command line that choose a Precision: --posit, a format for each role (--weights "posit(8,2)"), accumulators.
#pragma once

#include <array>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include <taper/nn/precision.h>

namespace taper::apps {

// Inputs, weights, activations, errors, gradients in posit(8,2); loss, master, state in posit(16,2).
nn::Precision posit_mix();

// What the options said; roles that none named are those of posit_mix() under --posit, float32 otherwise.
struct PrecisionOptions {
    bool posit = false;
    std::array<std::optional<Target>, 8> roles = {};              // in the order of nn::Precision
    std::optional<Accumulator> accumulate = {};                   // all three products
    std::optional<Accumulator> accumulate_backward = {};          // backward-data and backward-weights
    std::array<std::optional<Accumulator>, 3> accumulators = {};  // forward, backward-data, backward-weights
    nn::Precision precision() const;
};

// Adds the options to `app`; a bad name is a CLI::ValidationError.  `options` must outlive the parsing.
void add_precision_options(CLI::App& app, PrecisionOptions& options);

// "posit(8,2)", or "posit(8,2) stochastic" for a rounding other than nearest, as nn::describe prints it; throws Error.
Target parse_target(const std::string& text);

// A short name of a run: the format that inputs, weights, activations, errors and gradients share ("mixed" where they do not), with the
// accumulator if it is another one than float32.
std::string label(const nn::Precision& precision);

}  // namespace taper::apps
