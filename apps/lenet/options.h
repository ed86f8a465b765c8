// The command line of lenet.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include <taper/core/steps.h>

#include "common/precision_options.h"

namespace taper::apps {

struct LenetOptions {
    std::filesystem::path data;  // empty: Debian's Fashion-MNIST
    std::int64_t limit = 0;      // training images; 0: all
    std::optional<float> mean, deviation;
    std::int64_t epochs = 10, batch = 64, halve_every = 4;
    double lr = 0.0625, momentum = 0.5, loss_scale = 1;
    core::StepRounding step = core::StepRounding::results;
    std::uint64_t seed = 1;
    int threads = 0;  // 0: as many as there are cores
    PrecisionOptions formats;
    bool compare = false, quiet = false;
    std::filesystem::path csv, plot, save, resume;
    std::int64_t save_every = 0;  // batches; 0: at the end of epochs alone
};

// Returns an exit code if the program is to end here: 0 after --help, 2 after a bad command line (both have printed).
std::optional<int> parse_command_line(int argc, char** argv, LenetOptions& options);

}  // namespace taper::apps
