// BatchNorm, LayerNorm, GroupNorm: PyTorch's rules on statistics, names and defaults, and the results rounded once.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support.h"

namespace taper::nn {
namespace {

using tests::error_of;
using tests::p16;
using tests::p8;

std::vector<std::string> names(Module& module) {
    std::vector<std::string> all;
    for (const auto& [name, tensor] : module.state()) all.push_back(name);
    return all;
}

struct Moments {
    double mean = 0, variance = 0;
    double n = 0;
};
// Of channel c of x [N, C, inner].
Moments moments(const Tensor& x, std::int64_t c) {
    Moments m;
    const std::int64_t inner = x.elements() / x.size(0) / x.size(1);
    std::vector<double> values;
    const auto all = x.to_vector_double();
    for (std::int64_t i = 0; i < x.elements(); ++i)
        if (i / inner % x.size(1) == c) values.push_back(all[static_cast<std::size_t>(i)]);
    m.n = static_cast<double>(values.size());
    for (const double v : values) m.mean += v / m.n;
    for (const double v : values) m.variance += (v - m.mean) * (v - m.mean) / m.n;
    return m;
}

TEST(BatchNorm, NamesAndDefaultsArePyTorchs) {
    BatchNorm2d layer(3);
    EXPECT_EQ(names(layer), (std::vector<std::string>{"bias", "num_batches_tracked", "running_mean", "running_var", "weight"}));
    NamedTensors state = layer.state();
    EXPECT_EQ(state["weight"].to_vector(), (std::vector<float>{1, 1, 1}));
    EXPECT_EQ(state["bias"].to_vector(), (std::vector<float>{0, 0, 0}));
    EXPECT_EQ(state["running_mean"].to_vector(), (std::vector<float>{0, 0, 0}));
    EXPECT_EQ(state["running_var"].to_vector(), (std::vector<float>{1, 1, 1}));
    EXPECT_EQ(state["num_batches_tracked"].to_int32_vector(), std::vector<std::int32_t>{0});
    EXPECT_EQ(layer.options().eps, 1e-5);
    EXPECT_EQ(layer.options().momentum, 0.1);
    BatchNorm1d bare(3, {.affine = AffineParameters::no, .track = RunningStatistics::no});
    EXPECT_TRUE(names(bare).empty());
    EXPECT_EQ(bare.weight(), nullptr);
}

TEST(BatchNorm, TrainsOnTheBatchAndEvaluatesOnTheRunningStatistics) {
    BatchNorm2d layer(2, {.momentum = 0.25});
    layer.set_precision({.inputs = p8, .weights = p16, .activations = p8, .errors = p8});
    const Tensor first = uniform({3, 2, 4, 5}, -1, 3).to(p8), second = uniform({2, 2, 3, 3}, 0, 1).to(p8);
    double mean[2] = {0, 0}, variance[2] = {1, 1};
    for (const Tensor& x : {first, second}) {
        const Variable y = layer(x);
        EXPECT_EQ(y.format(), p8);
        EXPECT_EQ(y.gradient_target(), Target(p8));
        const auto v = x.to_vector_double();
        for (std::int64_t c = 0; c < 2; ++c) {
            const Moments m = moments(x, c);
            mean[c] = 0.75 * mean[c] + 0.25 * m.mean;
            variance[c] = 0.75 * variance[c] + 0.25 * m.variance * m.n / (m.n - 1);
            const std::int64_t inner = x.size(2) * x.size(3), i = c * inner + 1;
            EXPECT_EQ(y.value().number(i).value(), tests::r((v[static_cast<std::size_t>(i)] - m.mean) / std::sqrt(m.variance + 1e-5), p8));
        }
    }
    const NamedTensors state = layer.state();
    EXPECT_EQ(state.at("num_batches_tracked").to_int32_vector(), std::vector<std::int32_t>{2});
    EXPECT_EQ(state.at("running_mean").format(), Format::float32());
    for (std::size_t c = 0; c < 2; ++c) {
        EXPECT_FLOAT_EQ(state.at("running_mean").to_vector()[c], static_cast<float>(mean[c]));
        EXPECT_FLOAT_EQ(state.at("running_var").to_vector()[c], static_cast<float>(variance[c]));
    }
    layer.eval();
    const auto running_mean = state.at("running_mean").to_vector_double(), running_variance = state.at("running_var").to_vector_double();
    const Variable y = layer(Tensor::full({1, 2, 1, 1}, 0.5, p8));
    for (std::size_t c = 0; c < 2; ++c) EXPECT_EQ(y.value().to_vector()[c], tests::r((0.5 - running_mean[c]) / std::sqrt(running_variance[c] + 1e-5), p8));
    EXPECT_EQ(layer.state().at("num_batches_tracked").to_int32_vector(), std::vector<std::int32_t>{2});

    BatchNorm2d other(2);
    other.load(state);
    other.eval();
    EXPECT_EQ(other.state().at("running_var").codes(), state.at("running_var").codes());
}

TEST(BatchNorm, WithoutMomentumAveragesAllBatches) {
    BatchNorm1d layer(2, {.momentum = std::nullopt});
    for (const float v : {1.0f, 2.0f, 6.0f}) layer(Tensor::from({v - 1, 0, v + 1, 0}, {2, 2}));
    EXPECT_FLOAT_EQ(layer.state().at("running_mean").to_vector()[0], 3);
    EXPECT_FLOAT_EQ(layer.state().at("running_var").to_vector()[0], 2);  // each batch's: 2 / (2 - 1)
}

TEST(BatchNorm, CountsOnFromWhatIsLoadedOrSet) {
    const auto batch = [](float v) { return Tensor::from({v - 1, v + 1}, {2, 1}); };
    BatchNorm1d layer(1, {.momentum = std::nullopt}), other(1, {.momentum = std::nullopt});
    const auto mean = [](BatchNorm1d& of) { return of.state().at("running_mean").to_vector()[0]; };
    for (const float v : {1.0f, 3.0f}) layer(batch(v));
    other(batch(100));
    other.load(layer.state());
    for (BatchNorm1d* const each : {&layer, &other}) {
        (*each)(batch(8));
        EXPECT_EQ(each->state().at("num_batches_tracked").to_int32_vector(), std::vector<std::int32_t>{3});
        EXPECT_FLOAT_EQ(mean(*each), 4);
    }
    Tensor& count = *layer.buffers().back().second;
    count.assign(Tensor::zeros({}, Format::int32()));
    layer(batch(6));
    EXPECT_FLOAT_EQ(mean(layer), 6) << "the first batch again";
    layer.to(Device::cpu());
    layer(batch(8).to(Device::cpu()));
    EXPECT_FLOAT_EQ(mean(layer), 7);
    EXPECT_EQ(count.to_int32_vector(), std::vector<std::int32_t>{2});
}

TEST(BatchNorm, WithoutTrackingEvaluatesOnTheBatch) {
    BatchNorm1d layer(1, {.track = RunningStatistics::no});
    const Tensor x = Tensor::from({1, 3}, {2, 1});
    const auto trained = layer(x).value().codes();
    layer.eval();
    EXPECT_EQ(layer(x).value().codes(), trained);
}

TEST(BatchNorm, EvaluationPassesTheGradientThroughOneFactor) {
    BatchNorm1d layer(1);
    layer.eval();
    const Variable x = Variable::leaf(Tensor::from({1, 2, 3}, {3, 1}));
    backward(sum(layer(x) * Tensor::from({1, -2, 4}, {3, 1})));
    const float k = static_cast<float>(1 / std::sqrt(1 + 1e-5));
    EXPECT_EQ(x.grad().to_vector(), (std::vector<float>{k, -2 * k, 4 * k}));
    EXPECT_FLOAT_EQ(layer.weight()->variable.grad().to_vector()[0], k * (1 - 4 + 12));
    EXPECT_EQ(layer.bias()->variable.grad().to_vector(), std::vector<float>{3});
}

TEST(BatchNorm, ErrorsSayWhatCame) {
    BatchNorm2d two(4);
    BatchNorm1d one(4);
    EXPECT_EQ(error_of([&] { two(Tensor::zeros({2, 3, 5, 5})); }), "BatchNorm2d: x does not fit: x is [2, 3, 5, 5] (want 4 channels, [N, C, H, W])");
    EXPECT_EQ(error_of([&] { one(Tensor::zeros({2, 4, 5, 5})); }), "BatchNorm1d: x does not fit: x is [2, 4, 5, 5] (want 4 channels, [N, C] or [N, C, L])");
    EXPECT_EQ(error_of([&] { one(Tensor::zeros({1, 4})); }), "BatchNorm1d: one value a channel has no variance: x is [1, 4] (want more in training)");
    one.eval();
    EXPECT_EQ(one(Tensor::zeros({1, 4})).shape(), (Shape{1, 4}));
    EXPECT_EQ(error_of([] { BatchNorm1d(0); }), "BatchNorm1d: no channels: 0 (want 1 or more)");
}

TEST(LayerNorm, NormalisesTheLastAxes) {
    LayerNorm layer({2, 3}, {.eps = 1e-2});
    EXPECT_EQ(names(layer), (std::vector<std::string>{"bias", "weight"}));
    EXPECT_EQ(layer.state().at("weight").shape(), (Shape{2, 3}));
    layer.load({{"weight", Tensor::from({1, 2, 3, 4, 5, 6}, {2, 3})}, {"bias", Tensor::from({0, 1, 0, 1, 0, 1}, {2, 3})}});
    layer.set_precision({.activations = p16, .errors = p8});
    const Tensor x = uniform({4, 2, 3}, -1, 1);
    const Variable y = layer(x);
    EXPECT_EQ(y.gradient_target(), Target(p8));
    const auto v = x.to_vector_double();
    for (std::size_t row = 0; row < 4; ++row) {
        double mean = 0, variance = 0;
        for (std::size_t i = 0; i < 6; ++i) mean += v[row * 6 + i] / 6;
        for (std::size_t i = 0; i < 6; ++i) variance += (v[row * 6 + i] - mean) * (v[row * 6 + i] - mean) / 6;
        for (std::size_t i = 0; i < 6; ++i) {
            const double want = (v[row * 6 + i] - mean) / std::sqrt(variance + 1e-2) * static_cast<double>(i + 1) + static_cast<double>(i % 2);
            EXPECT_EQ(y.value().to_vector_double()[row * 6 + i], tests::r(want, p16));
        }
    }
    EXPECT_EQ(error_of([&] { layer(Tensor::zeros({3, 2})); }), "layer_norm: x does not end in the shape: x is [3, 2], shape is [2, 3] (want [.., shape])");
}

TEST(GroupNorm, NormalisesTheChannelsOfAGroup) {
    GroupNorm layer(2, 4);
    const Tensor x = uniform({2, 4, 3}, -1, 1);
    const auto y = layer(x).value().to_vector_double(), v = x.to_vector_double();
    for (std::size_t group = 0; group < 4; ++group) {
        double mean = 0, variance = 0;
        for (std::size_t i = 0; i < 6; ++i) mean += v[group * 6 + i] / 6;
        for (std::size_t i = 0; i < 6; ++i) variance += (v[group * 6 + i] - mean) * (v[group * 6 + i] - mean) / 6;
        for (std::size_t i = 0; i < 6; ++i)
            EXPECT_FLOAT_EQ(static_cast<float>(y[group * 6 + i]), static_cast<float>((v[group * 6 + i] - mean) / std::sqrt(variance + 1e-5)));
    }
    EXPECT_EQ(layer.weight()->variable.shape(), Shape{4});
    EXPECT_EQ(error_of([] { GroupNorm(3, 4); }), "GroupNorm: groups do not divide the channels: channels 4, groups 3 (want a divisor)");
    EXPECT_EQ(error_of([&] { layer(Tensor::zeros({2, 3, 4})); }), "GroupNorm: x does not fit: x is [2, 3, 4] (want 4 channels, [N, C, ...])");
}

}  // namespace
}  // namespace taper::nn
