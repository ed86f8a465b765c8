// DCGAN: published parameter counts, layers by shape, initial values, and a step of each network.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "support.h"

namespace taper::nn {
namespace {

using tests::error_of;

std::map<std::string, std::string> shapes(Module& model) {
    std::map<std::string, std::string> all;
    for (const auto& [name, parameter] : model.parameters()) all[name] = parameter->variable.shape().str();
    return all;
}

// PyTorch's examples/dcgan, nz = 100, ngf = ndf = 64, nc = 3.
TEST(Dcgan, PublishedCountsOf64Pixels) {
    DcganGenerator g;
    DcganDiscriminator d;
    EXPECT_EQ(g.parameter_count(), 3576704);
    EXPECT_EQ(d.parameter_count(), 2765568);
    const auto gs = shapes(g), ds = shapes(d);
    EXPECT_EQ(gs.at("main.0.weight"), "[100, 512, 4, 4]");
    EXPECT_EQ(gs.at("main.10.bias"), "[64]");
    EXPECT_EQ(gs.at("main.12.weight"), "[64, 3, 4, 4]");
    EXPECT_EQ(ds.at("main.0.weight"), "[64, 3, 4, 4]");
    EXPECT_EQ(ds.at("main.9.weight"), "[512]");
    EXPECT_EQ(ds.at("main.11.weight"), "[1, 512, 4, 4]");
}

// The same without the widest stage; an affine norm has two parameters a channel.
TEST(Dcgan, CountsOf32Pixels) {
    const DcganOptions options{.size = 32};
    EXPECT_EQ(DcganGenerator(options).parameter_count(), 16 * (100 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 2 * (256 + 128 + 64));
    EXPECT_EQ(DcganDiscriminator(options).parameter_count(), 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256) + 2 * (128 + 256));
    EXPECT_EQ(DcganGenerator(options).parameter_count(), 1068928);
    EXPECT_EQ(DcganDiscriminator(options).parameter_count(), 663296);
}

TEST(Dcgan, LayersOf28Pixels) {
    const DcganOptions options{.size = 28, .channels = 1};
    DcganGenerator g(options);
    DcganDiscriminator d(options);
    EXPECT_EQ(shapes(g), (std::map<std::string, std::string>{{"main.0.weight", "[100, 128, 7, 7]"},
                                                             {"main.1.bias", "[128]"},
                                                             {"main.1.weight", "[128]"},
                                                             {"main.3.weight", "[128, 64, 4, 4]"},
                                                             {"main.4.bias", "[64]"},
                                                             {"main.4.weight", "[64]"},
                                                             {"main.6.weight", "[64, 1, 4, 4]"}}));
    EXPECT_EQ(shapes(d), (std::map<std::string, std::string>{{"main.0.weight", "[64, 1, 4, 4]"},
                                                             {"main.2.weight", "[128, 64, 4, 4]"},
                                                             {"main.3.bias", "[128]"},
                                                             {"main.3.weight", "[128]"},
                                                             {"main.5.weight", "[1, 128, 7, 7]"}}));
    EXPECT_EQ(g.parameter_count(), 100 * 128 * 49 + 128 * 64 * 16 + 64 * 16 + 2 * (128 + 64));
    EXPECT_EQ(d.parameter_count(), 64 * 16 + 64 * 128 * 16 + 128 * 49 + 2 * 128);
}

TEST(Dcgan, ShapesAndRangeOfWhatTheyMake) {
    for (const std::int64_t size : {28, 32, 64}) {
        const DcganOptions options{.size = size, .channels = 2, .latent = 5, .generator_width = 3, .discriminator_width = 2};
        DcganGenerator g(options);
        DcganDiscriminator d(options);
        const Variable images = g(randn({4, 5}));
        EXPECT_EQ(images.shape(), (Shape{4, 2, size, size}));
        for (const float pixel : images.value().to_vector()) EXPECT_LE(std::abs(pixel), 1);
        EXPECT_EQ(d(images).shape(), (Shape{4}));
    }
}

// Bounds: about five standard deviations of the mean and of the deviation of so many draws.
TEST(Dcgan, InitialValues) {
    Generator generator(3);
    DcganGenerator g({}, generator);
    DcganDiscriminator d({}, generator);
    for (Module* model : {static_cast<Module*>(&g), static_cast<Module*>(&d)})
        for (const auto& [name, parameter] : model->parameters()) {
            double sum = 0, squares = 0;
            const auto values = parameter->variable.value().to_vector();
            const bool is_norm = parameter->variable.shape().rank() == 1, is_bias = name.substr(name.size() - 4) == "bias";
            const double centre = is_norm && !is_bias ? 1 : 0, n = static_cast<double>(values.size());
            for (const float value : values) sum += value - centre, squares += (value - centre) * (value - centre);
            if (is_bias) {
                EXPECT_EQ(squares, 0) << name;
                continue;
            }
            EXPECT_NEAR(sum / n, 0, 5 * 0.02 / std::sqrt(n)) << name;
            EXPECT_NEAR(std::sqrt(squares / n), 0.02, 5 * 0.02 / std::sqrt(2 * n)) << name;
        }
}

// The generator's step needs the gradient through the discriminator, not the gradients of its weights.
TEST(Dcgan, FrozenDiscriminatorPassesTheGradientOn) {
    const DcganOptions options{.size = 28, .channels = 1, .latent = 4, .generator_width = 2, .discriminator_width = 2};
    std::vector<std::vector<std::uint64_t>> codes;
    for (const bool frozen : {false, true}) {
        seed(1);
        DcganGenerator g(options);
        DcganDiscriminator d(options);
        for (Module* model : {static_cast<Module*>(&g), static_cast<Module*>(&d)}) model->set_precision(tests::posit_precision());
        d.freeze(frozen);
        backward(bce_with_logits_loss(d(g(randn({3, 4}))), Tensor::full({3}, 1), d.precision()), {.loss_scale = 64});
        for (const auto& [name, parameter] : d.parameters()) EXPECT_EQ(parameter->variable.grad().defined(), !frozen) << name;
        for (const auto& [name, parameter] : g.parameters()) codes.push_back(parameter->variable.grad().codes());
        d.freeze(false);
        EXPECT_TRUE(d.parameters().front().second->variable.requires_grad());
    }
    const auto half = codes.begin() + static_cast<std::ptrdiff_t>(codes.size() / 2);
    EXPECT_TRUE(std::equal(codes.begin(), half, half, codes.end()));
}

TEST(Dcgan, Errors) {
    EXPECT_EQ(error_of([] { DcganGenerator({.size = 48}); }), "DcganGenerator: no layout for this size: 48 pixels (want 28, 32 or 64)");
    EXPECT_EQ(error_of([] { DcganDiscriminator({.size = 28, .channels = 0}); }), "DcganDiscriminator: channels is 0 (want 1 or more)");
    const DcganOptions small{.size = 28, .channels = 1, .latent = 4, .generator_width = 1, .discriminator_width = 1};
    EXPECT_EQ(error_of([&] {
                  DcganGenerator g(small);
                  g(Tensor::zeros({2, 5}));
              }),
              "DcganGenerator: z does not fit: z is [2, 5] (want [N, 4])");
    EXPECT_EQ(error_of([&] {
                  DcganDiscriminator d(small);
                  d(Tensor::zeros({2, 1, 32, 32}));
              }),
              "DcganDiscriminator: images do not fit: images are [2, 1, 32, 32] (want [N, 1, 28, 28])");
}

}  // namespace
}  // namespace taper::nn
