// The command line of dcgan.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include <taper/core/device.h>

#include "common/precision_options.h"

namespace taper::apps {

struct GanOptions {
    std::filesystem::path data;  // empty: Debian's Fashion-MNIST
    std::int64_t limit = 0;      // training images; 0: all
    std::int64_t size = 64;      // pixels a side that the images of a folder of images are brought to
    std::int64_t steps = 4000, batch = 64, latent = 100, width = 64;
    double lr = 2e-4, beta1 = 0.5, loss_scale = 1;
    std::uint64_t seed = 1;
    int threads = 0;  // 0: as many as there are cores
    Device device = {};
    PrecisionOptions formats;
    std::optional<nn::Recipe> discriminator = {};  // unset: that of `formats`
    bool quiet = false;
    std::filesystem::path csv, plot, save, resume, samples;
    std::int64_t log_every = 100, save_every = 0, sample_every = 0;  // steps; 0: at the end alone
    std::filesystem::path features;                                  // a checkpoint of lenet; empty: no distance
    std::int64_t frechet_images = 10000;
    std::int64_t generate = 0;  // images; 0: train
    std::filesystem::path from, png;

    nn::Recipe generator_recipe() const { return formats.recipe(); }
    nn::Recipe discriminator_recipe() const { return discriminator.value_or(formats.recipe()); }
};

// Returns an exit code if the program is to end here: 0 after --help, 2 after a bad command line (both have printed).
std::optional<int> parse_command_line(int argc, char** argv, GanOptions& options);

}  // namespace taper::apps
