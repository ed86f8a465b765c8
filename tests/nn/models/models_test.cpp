// The table of models: published counts of parameters, shapes, a step in posits, names in files; depths and classes that there are not.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "../support.h"

namespace taper::nn {
namespace {

using tests::error_of;

Batch make_batch(const ModelEntry& entry, std::int64_t size) {
    std::vector<std::int32_t> labels;
    for (std::int64_t n = 0; n < size; ++n) labels.push_back(static_cast<std::int32_t>(entry.classes - 1 - n));
    const Shape shape{size, entry.image[0], entry.image[1], entry.image[2]};
    return {.images = uniform(shape, -1, 1), .labels = Tensor::from(labels, {size})};
}

class EveryModel : public testing::TestWithParam<ModelEntry> {};

TEST_P(EveryModel, HasThePublishedParametersAndLearnsAStepInPosits) {
    seed(3);
    const ModelEntry& entry = GetParam();
    const auto model = make_model(entry.name, entry.classes);
    EXPECT_EQ(model->parameter_count(), entry.parameters);
    EXPECT_EQ(entry.mean.size(), static_cast<std::size_t>(entry.image[0]));
    EXPECT_EQ(entry.deviation.size(), entry.mean.size());
    model->set_precision(tests::posit_precision());
    const Batch batch = make_batch(entry, 2);
    const Variable logits = (*model)(batch.images);
    EXPECT_EQ(logits.shape(), (Shape{2, entry.classes}));
    EXPECT_EQ(logits.format(), tests::p8);
    backward(cross_entropy(logits, batch.labels, model->precision()));
    for (const auto& [name, parameter] : model->parameters()) {
        const Tensor gradient = parameter->variable.grad();
        ASSERT_TRUE(gradient.defined()) << name;
        EXPECT_EQ(gradient.format(), tests::p8) << name;
        const auto values = gradient.to_vector();
        EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) << name;
        EXPECT_TRUE(std::any_of(values.begin(), values.end(), [](float v) { return v != 0; })) << name;
    }
}

INSTANTIATE_TEST_SUITE_P(Models, EveryModel, testing::ValuesIn(model_table()), [](const auto& info) { return std::string(info.param.name); });

TEST(Models, AreFoundByName) {
    std::set<std::string> names;
    for (const ModelEntry& entry : model_table()) names.insert(entry.name);
    EXPECT_EQ(names.size(), model_table().size());
    EXPECT_EQ(error_of([] { find_model("resnet21"); }).find("find_model: no such model: resnet21 (want one of lenet5, mnist_cnn, preresnet20, "), 0u);
    EXPECT_EQ(error_of([] { make_model("vgg11", 0); }), "make_model: no classes: 0 (want 1 or more)");
    EXPECT_EQ(error_of([] { PreResNet({.depth = 21}); }), "PreResNet: no such depth: 21 (want 6 n + 2, at least 8)");
    EXPECT_EQ(error_of([] { plain_resnet(2); }), "ResNet: no such depth: 2 (want 6 n + 2, at least 8)");
    EXPECT_EQ(error_of([] { Vgg({.depth = 13}); }), "Vgg: no such depth: 13 (want 11 or 16)");
    EXPECT_EQ((*make_model("mnist_cnn", 4))(Tensor::zeros({1, 1, 28, 28})).shape(), (Shape{1, 4}));
}

// The first and last layers are often kept in another format than the rest: sums see terms of two formats.
TEST(Models, TakeExemptFirstAndLastLayers) {
    const Format p16_1 = Format::posit(16, 1);
    Recipe recipe{.precision = tests::posit_precision()};
    for (const char* end : {"<first>", "<last>"}) recipe.layers.push_back({.layers = end, .targets = {std::nullopt, p16_1, p16_1}});
    for (const char* name : {"preresnet20", "resnet20", "resnet18", "resnet9", "vgg11"}) {
        const ModelEntry& entry = find_model(name);
        const auto model = make_model(name, entry.classes);
        apply(recipe, *model);
        EXPECT_EQ((*model)(make_batch(entry, 2).images).format(), p16_1) << name;
    }
}

// The names that published weights of the plain residual networks have, which lack num_batches_tracked.
std::vector<std::string> published_names(int blocks) {
    std::vector<std::string> names{"conv1.weight", "linear.weight", "linear.bias"};
    const auto add_norm = [&](const std::string& norm) {
        for (const char* name : {".weight", ".bias", ".running_mean", ".running_var"}) names.push_back(norm + name);
    };
    add_norm("bn1");
    for (int stage = 1; stage <= 3; ++stage)
        for (int block = 0; block < blocks; ++block)
            for (const char* i : {"1", "2"}) {
                const std::string prefix = "layer" + std::to_string(stage) + "." + std::to_string(block) + ".";
                names.push_back(prefix + "conv" + i + ".weight");
                add_norm(prefix + "bn" + i);
            }
    return names;
}

TEST(ResNet, LoadsFilesThatHaveThePublishedNames) {
    for (int depth : {20, 56}) {
        ResNet source(plain_resnet(depth)), model(plain_resnet(depth));
        const NamedTensors all = source.state();
        NamedTensors file;
        for (const std::string& name : published_names((depth - 2) / 6)) {
            ASSERT_TRUE(all.count(name)) << name;
            file.emplace(name, all.at(name));
        }
        model.load(file);
        const Tensor x = uniform({1, 3, 32, 32}, -1, 1);
        source.eval();
        model.eval();
        EXPECT_EQ(model(x).value().codes(), source(x).value().codes());
        file.erase("bn1.running_mean");
        EXPECT_EQ(error_of([&] { model.load(file); }), "load: a tensor is missing: bn1.running_mean (want shape [16])");
    }
}

// Option A by hand: every second row and column, zeros around the channels.
TEST(ResNet, PadsTheShortcut) {
    ResNet model({.blocks = {1, 1}, .width = 4});
    model.eval();
    Module* shortcut = nullptr;
    for (const auto& [name, module] : model.modules())
        if (name == "layer2.0.shortcut") shortcut = module;
    ASSERT_TRUE(shortcut);
    const Variable x = Variable::leaf(uniform({2, 4, 6, 4}, -1, 1));
    const Variable y = (*shortcut)(x);
    ASSERT_EQ(y.shape(), (Shape{2, 8, 3, 2}));
    backward(sum(mul(y, y)));
    const auto in = x.value().to_vector(), out = y.value().to_vector(), gradient = x.grad().to_vector();
    for (std::int64_t n = 0, i = 0; n < 2; ++n)
        for (std::int64_t c = 0; c < 8; ++c)
            for (std::int64_t row = 0; row < 3; ++row)
                for (std::int64_t column = 0; column < 2; ++column, ++i) {
                    const auto from = static_cast<std::size_t>(((n * 4 + c - 2) * 6 + 2 * row) * 4 + 2 * column);
                    const bool inside = c >= 2 && c < 6;
                    EXPECT_EQ(out[static_cast<std::size_t>(i)], inside ? in[from] : 0);
                    if (inside) {
                        EXPECT_EQ(gradient[from], 2 * in[from]);
                    }
                }
}

TEST(Models, StartWithTheStatedWeights) {
    seed(5);
    const auto deviation = [](Module& model, const std::string& name) {
        const auto values = model.state().at(name).to_vector();
        double squares = 0;
        for (const float v : values) squares += static_cast<double>(v) * v;
        return std::sqrt(squares / static_cast<double>(values.size()));
    };
    PreResNet pre;
    EXPECT_NEAR(deviation(pre, "layer3.0.conv1.weight"), std::sqrt(2.0 / (9 * 64)), 0.001);
    EXPECT_NEAR(deviation(pre, "layer3.0.downsample.0.weight"), std::sqrt(2.0 / 64), 0.01);
    ResNet plain;
    EXPECT_NEAR(deviation(plain, "layer3.0.conv1.weight"), std::sqrt(2.0 / (9 * 32)), 0.002);
    EXPECT_NEAR(deviation(plain, "linear.weight"), std::sqrt(2.0 / 64), 0.02);
    ResNet eighteen(resnet18());
    EXPECT_NEAR(deviation(eighteen, "layer2.0.conv1.weight"), std::sqrt(1.0 / (3 * 9 * 64)), 0.0005);
}

}  // namespace
}  // namespace taper::nn
