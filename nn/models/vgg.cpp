#include <taper/nn/models/vgg.h>

#include <array>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/layers.h>
#include <taper/nn/models/conv_norm_relu.h>

namespace taper::nn {
namespace {

constexpr std::array<std::int64_t, 5> channels{64, 128, 256, 512, 512};

std::array<int, 5> units_of(int depth) {
    if (depth == 11) return {1, 1, 2, 2, 2};
    if (depth == 16) return {2, 2, 3, 3, 3};
    throw Error(fmt::format("Vgg: no such depth: {} (want 11 or 16)", depth));
}

}  // namespace

Vgg::Vgg(const VggOptions& options, Generator& generator) : classifier(channels.back(), options.classes, Bias::yes, generator) {
    const std::array<int, 5> units = units_of(options.depth);
    std::int64_t in = 3;
    for (std::size_t group = 0; group < channels.size(); ++group) {
        for (int i = 0; i < units[group]; ++i) {
            features.emplace<ConvNormReLU>(in, channels[group], generator);
            in = channels[group];
        }
        features.emplace<MaxPool2d>();
    }
    add("features", features);
    add("classifier", classifier);
}

Variable Vgg::forward(const Variable& x) { return classifier(reshape(features(x), {x.size(0), -1})); }

}  // namespace taper::nn
