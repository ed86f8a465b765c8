#include <taper/nn/models/dcgan.h>

#include <utility>

#include <fmt/format.h>

#include <taper/core/ops.h>
#include <taper/formats/error.h>
#include <taper/nn/batch_norm.h>
#include <taper/nn/conv2d.h>
#include <taper/nn/conv_transpose2d.h>
#include <taper/nn/init.h>
#include <taper/nn/layers.h>

namespace taper::nn {
namespace {

constexpr double deviation = 0.02, slope = 0.2;

struct Layout {
    std::int64_t narrow;  // side of the smallest maps, kernel of the layer beside the latent
    int stages;           // each doubles the side
};

Layout layout(const char* model, const DcganOptions& options) {
    for (const auto& [what, count] : {std::pair{"channels", options.channels},
                                      {"latent", options.latent},
                                      {"generator_width", options.generator_width},
                                      {"discriminator_width", options.discriminator_width}})
        if (count < 1) throw Error(fmt::format("{}: {} is {} (want 1 or more)", model, what, count));
    switch (options.size) {
        case 28:
            return {7, 2};
        case 32:
            return {4, 3};
        case 64:
            return {4, 4};
        default:
            throw Error(fmt::format("{}: no layout for this size: {} pixels (want 28, 32 or 64)", model, options.size));
    }
}

// BatchNorm after `channels`, its weight N(1, 0.02).
void add_norm(Sequential& net, std::int64_t channels, Generator& generator) {
    auto& norm = net.emplace<BatchNorm2d>(channels);
    norm.weight()->assign(core::binary(Binary::add, init::constant({channels}, 1), init::normal({channels}, deviation, generator)));
}

template <class Convolution, class Spec>
void add_convolution(Sequential& net, std::int64_t in, std::int64_t out, std::int64_t kernel, const Spec& spec, Generator& generator) {
    Parameter& weight = net.emplace<Convolution>(in, out, kernel, spec, Bias::no, generator).weight();
    weight.assign(init::normal(weight.variable.shape(), deviation, generator));
}

}  // namespace

DcganGenerator::DcganGenerator(const DcganOptions& options, Generator& generator) : options_(options) {
    const auto [narrow, stages] = layout("DcganGenerator", options);
    std::int64_t channels = options.generator_width << (stages - 1);
    add_convolution<ConvTranspose2d>(main_, options.latent, channels, narrow, ConvTranspose2dSpec{}, generator);
    for (int stage = 0; stage < stages; ++stage, channels /= 2) {
        add_norm(main_, channels, generator);
        main_.emplace<ReLU>();
        const std::int64_t out = stage + 1 == stages ? options.channels : channels / 2;
        add_convolution<ConvTranspose2d>(main_, channels, out, 4, ConvTranspose2dSpec{.stride = 2, .padding = 1}, generator);
    }
    main_.emplace<Tanh>();
    add("main", main_);
}

Variable DcganGenerator::forward(const Variable& z) {
    if (z.shape().rank() != 2 || z.size(1) != options_.latent)
        throw Error(fmt::format("DcganGenerator: z does not fit: z is {} (want [N, {}])", z.shape().str(), options_.latent));
    return main_(reshape(z, {z.size(0), options_.latent, 1, 1}));
}

DcganDiscriminator::DcganDiscriminator(const DcganOptions& options, Generator& generator) : options_(options) {
    const auto [narrow, stages] = layout("DcganDiscriminator", options);
    std::int64_t in = options.channels, out = options.discriminator_width;
    for (int stage = 0; stage < stages; ++stage, in = out, out *= 2) {
        add_convolution<Conv2d>(main_, in, out, 4, Conv2dSpec{.stride = 2, .padding = 1}, generator);
        if (stage > 0) add_norm(main_, out, generator);
        main_.emplace<LeakyReLU>(slope);
    }
    add_convolution<Conv2d>(main_, in, 1, narrow, Conv2dSpec{}, generator);
    add("main", main_);
}

Variable DcganDiscriminator::forward(const Variable& images) {
    if (images.shape() != Shape{images.size(0), options_.channels, options_.size, options_.size})
        throw Error(fmt::format("DcganDiscriminator: images do not fit: images are {} (want [N, {}, {}, {}])", images.shape().str(), options_.channels,
                                options_.size, options_.size));
    return reshape(main_(images), {images.size(0)});
}

}  // namespace taper::nn
