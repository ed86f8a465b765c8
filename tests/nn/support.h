// What the tests of nn share: a small made-up image set, precisions, temporary folders, the text of an Error.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <unistd.h>

#include <taper/formats/error.h>
#include <taper/formats/philox.h>
#include <taper/nn/nn.h>

#include "support/throws.h"

namespace taper::tests {

inline const Format p8 = Format::posit(8, 2), p16 = Format::posit(16, 2);

// r(x) as a value.
inline double r(double x, const Format& format) { return Number::from(x, format).value(); }

// The mixed precision of the README: 8 bits everywhere but in the loss, the master and the momentum.
inline nn::Precision posit_precision() {
    return {.inputs = p8, .weights = p8, .activations = p8, .errors = p8, .gradients = p8, .loss = p16, .master = p16, .state = p16};
}

// Ten classes: a bright square whose place tells the class, over noise.
inline nn::ImageClassification make_images(std::int64_t count, std::int64_t side = 28, std::uint64_t seed = 1) {
    nn::ImageClassification data;
    data.shape = {count, 1, side, side};
    data.normalisation = {{0.25f}, {0.5f}};
    for (std::int64_t n = 0; n < count; ++n) {
        const auto label = static_cast<std::uint8_t>(philox_draw(seed, 1, static_cast<std::uint64_t>(n)) % 10);
        data.labels.push_back(label);
        const std::int64_t top = (label / 4) * 8 + 2, left = (label % 4) * 6 + 2;
        for (std::int64_t i = 0; i < side; ++i)
            for (std::int64_t j = 0; j < side; ++j) {
                const auto noise = static_cast<std::uint8_t>(philox_draw(seed, 2, static_cast<std::uint64_t>((n * side + i) * side + j)) % 64);
                const bool bright = i >= top && i < top + 5 && j >= left && j < left + 5;
                data.images.push_back(bright ? static_cast<std::uint8_t>(255 - noise) : noise);
            }
    }
    return data;
}

// One step on a batch; the loss.
inline double train_step(nn::Module& model, nn::Optimizer& optimizer, const nn::Batch& batch) {
    const Variable loss = nn::cross_entropy(model(batch.images.to(default_device())), batch.labels.to(default_device()), model.precision());
    optimizer.zero_grad();
    backward(loss);
    optimizer.step();
    return loss.value().item();
}

struct TemporaryFolder {
    std::filesystem::path path;
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "taper-test-XXXXXX").string();
        if (!mkdtemp(name.data())) throw Error("TemporaryFolder: cannot be made: " + name);
        path = name;
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path); }
};

inline void write_file(const std::filesystem::path& file, const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; }

// The codes of all parameters, masters and velocities: what "the same bits" compares.
inline std::vector<std::uint64_t> all_codes(nn::Module& model, const nn::Optimizer& optimizer) {
    std::vector<std::uint64_t> all;
    const auto append = [&](const Tensor& t) {
        const auto codes = t.codes();
        all.insert(all.end(), codes.begin(), codes.end());
    };
    for (const auto& [name, parameter] : model.parameters()) {
        append(parameter->variable.value());
        if (parameter->master.defined()) append(parameter->master);
    }
    for (const auto& [name, tensor] : optimizer.state()) append(tensor);
    return all;
}

}  // namespace taper::tests
