// Images that a generator makes: bytes for PNG grids and for the features of another network.
#pragma once

#include <cstdint>
#include <filesystem>

#include <taper/nn/nn.h>

namespace taper::apps {

// `count` images from latents N(0, 1) that depend on `seed` alone, in evaluation (running statistics), neither training nor the default generator
// disturbed.  A value v in [-1, 1] becomes the byte nearest to 127.5 (v + 1).  The labels are 0.  Throws Error if the generator makes a NaN.
nn::ImageClassification make_samples(nn::DcganGenerator& generator, std::int64_t count, std::uint64_t seed);

// `count` of them as a square grid.
void write_samples(const std::filesystem::path& png, nn::DcganGenerator& generator, std::int64_t count, std::uint64_t seed);

}  // namespace taper::apps
