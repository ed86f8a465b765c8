#include "samples.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <taper/core/random.h>
#include <taper/formats/error.h>
#include <taper/formats/philox.h>

#include "common/png.h"

namespace taper::apps {
namespace {

constexpr std::int64_t at_once = 250;
constexpr std::uint64_t sample_tag = 0x73616d706c6573;  // keeps the key of latents apart from the training's streams

// Lends a generator of its own to the process, for latents and stochastic roundings.
class OwnDraws {
  public:
    explicit OwnDraws(std::uint64_t seed) : before_(default_generator()) {
        const Philox4 key = philox(seed, 0, sample_tag);
        default_generator().set(key.word[0] | std::uint64_t{key.word[1]} << 32, 0);
    }
    ~OwnDraws() { default_generator() = before_; }
    OwnDraws(const OwnDraws&) = delete;
    OwnDraws& operator=(const OwnDraws&) = delete;

  private:
    Generator before_;
};

std::uint8_t byte_of(float value) {
    if (std::isnan(value)) throw Error("make_samples: the generator makes NaN (want numbers: its training has failed, or the format is too narrow)");
    return static_cast<std::uint8_t>(std::lround(std::clamp(127.5f * (value + 1), 0.0f, 255.0f)));
}

}  // namespace

nn::ImageClassification make_samples(nn::DcganGenerator& generator, std::int64_t count, std::uint64_t seed) {
    const OwnDraws draws(seed);
    const NoGrad no_grad;
    const bool was_training = generator.training();
    generator.eval();
    nn::ImageClassification images;
    for (std::int64_t done = 0; done < count; done += at_once) {
        const std::int64_t n = std::min(at_once, count - done);
        const Variable batch = generator(randn({n, generator.options().latent}));
        for (const float value : batch.value().to_vector()) images.images.push_back(byte_of(value));
    }
    generator.train(was_training);
    const nn::DcganOptions& o = generator.options();
    images.labels.resize(static_cast<std::size_t>(count));
    images.shape = {count, o.channels, o.size, o.size};
    return images;
}

void write_samples(const std::filesystem::path& png, nn::DcganGenerator& generator, std::int64_t count, std::uint64_t seed) {
    const nn::ImageClassification images = make_samples(generator, count, seed);
    write_grid(png, images.images, images.shape, static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(count)))));
}

}  // namespace taper::apps
