// The command line of `format_bench infer`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <taper/core/accumulator.h>
#include <taper/core/device.h>

#include "scale_rule.h"

namespace CLI {
class App;
}

namespace taper::apps {

// One combination of formats to evaluate.
struct FormatPair {
    Format weights, activations;
};

struct InferOptions {
    std::filesystem::path checkpoint, data, csv, plot;
    std::string model;
    std::vector<Format> both, weights, activations;
    ScaleRule scale = ScaleRule::max_fit;
    Accumulator accumulator = {};
    std::vector<std::string> exempt;  // patterns
    Format exempt_format = Format::posit(16, 1), others = {};
    std::vector<float> mean, deviation;  // empty: the model's usual ones
    std::int64_t limit = 0, calibration = 128, batch = 100;
    int threads = 0;
    Device device = {};
    bool quiet = false;

    // None: float32 alone is evaluated.  --formats: each for weights and activations alike; else each of --weights with each of --activations, float32 where one was not given.
    std::vector<FormatPair> pairs() const;
};

// Adds the subcommand; bad values are CLI::ValidationError.  `options` must outlive the parsing.
void add_infer(CLI::App& app, InferOptions& options);

}  // namespace taper::apps
