// Layers against sums written out in double, and initial values against their distributions.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support.h"

namespace taper::nn {
namespace {

using tests::error_of;
using tests::p16;
using tests::p8;

TEST(Linear, IsTheSumRoundedOnce) {
    Linear layer(7, 3);
    layer.set_precision({.inputs = p8, .weights = p8, .activations = p8, .errors = p8, .forward = Accumulator::exact()});
    const Variable x = uniform({5, 7}, -2, 2).to(p8);
    const auto a = x.value().to_vector_double(), w = layer.weight().variable.value().to_vector_double(), b = layer.bias()->variable.value().to_vector_double();
    std::vector<double> sums;
    for (std::size_t n = 0; n < 5; ++n)
        for (std::size_t o = 0; o < 3; ++o) {
            double sum = b[o];  // exact: few terms of few bits
            for (std::size_t i = 0; i < 7; ++i) sum += a[n * 7 + i] * w[o * 7 + i];
            sums.push_back(sum);
        }
    const Variable y = layer(x);
    EXPECT_EQ(y.value().codes(), Tensor::from(sums, {5, 3}, p8).codes());
    EXPECT_EQ(y.gradient_target(), Target(p8));
    EXPECT_EQ(Linear(7, 3, Bias::no).bias(), nullptr);
    EXPECT_NE(error_of([&] { layer(Tensor::zeros({5, 6}, p8)); }), "no Error");
}

TEST(Conv2d, IsTheSumRoundedOnce) {
    Conv2d layer(2, 3, 3, {.stride = 2, .padding = 1});
    layer.set_precision({.inputs = p8, .weights = p8, .activations = p16, .errors = p8, .forward = Accumulator::exact()});
    const std::int64_t size = 5, out = 3;
    const Variable x = uniform({2, 2, size, size}, -2, 2).to(p8);
    const auto a = x.value().to_vector_double(), w = layer.weight().variable.value().to_vector_double(), b = layer.bias()->variable.value().to_vector_double();
    std::vector<double> sums;
    for (std::int64_t n = 0; n < 2; ++n)
        for (std::int64_t o = 0; o < 3; ++o)
            for (std::int64_t i = 0; i < out; ++i)
                for (std::int64_t j = 0; j < out; ++j) {
                    double sum = b[static_cast<std::size_t>(o)];
                    for (std::int64_t c = 0; c < 2; ++c)
                        for (std::int64_t r = 0; r < 3; ++r)
                            for (std::int64_t s = 0; s < 3; ++s) {
                                const std::int64_t row = 2 * i + r - 1, column = 2 * j + s - 1;
                                if (row < 0 || row >= size || column < 0 || column >= size) continue;
                                sum += a[static_cast<std::size_t>(((n * 2 + c) * size + row) * size + column)]
                                       * w[static_cast<std::size_t>(((o * 2 + c) * 3 + r) * 3 + s)];
                            }
                    sums.push_back(sum);
                }
    EXPECT_EQ(layer(x).value().codes(), Tensor::from(sums, {2, 3, out, out}, p16).codes());
    EXPECT_EQ(layer(x).gradient_target(), Target(p8));
    EXPECT_EQ(error_of([] { Conv2d(3, 4, 3, {.groups = 2}); }), "Conv2d: groups do not divide the channels: in 3, out 4, groups 2 (want a divisor of both)");
}

TEST(ConvTranspose2d, IsTheSumRoundedOnce) {
    ConvTranspose2d layer(2, 3, 3, {.stride = 2, .padding = 1, .output_padding = 1});
    layer.set_precision({.inputs = p8, .weights = p8, .activations = p16, .errors = p8, .forward = Accumulator::exact()});
    const std::int64_t size = 3, out = 6;
    const Variable x = uniform({2, 2, size, size}, -2, 2).to(p8);
    const auto a = x.value().to_vector_double(), w = layer.weight().variable.value().to_vector_double(), b = layer.bias()->variable.value().to_vector_double();
    EXPECT_EQ(layer.weight().variable.shape(), (Shape{2, 3, 3, 3}));
    std::vector<double> sums(static_cast<std::size_t>(2 * 3 * out * out));
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = b[i / (out * out) % 3];
    for (std::int64_t i = 0; i < 2 * 2 * size * size; ++i) {
        const std::int64_t column = i % size, row = i / size % size, c = i / size / size % 2, n = i / size / size / 2;
        for (std::int64_t tap = 0; tap < 3 * 9; ++tap) {
            const std::int64_t o = tap / 9, p = 2 * row + tap / 3 % 3 - 1, q = 2 * column + tap % 3 - 1;
            if (p < 0 || p >= out || q < 0 || q >= out) continue;
            sums[static_cast<std::size_t>(((n * 3 + o) * out + p) * out + q)] += a[static_cast<std::size_t>(i)] * w[static_cast<std::size_t>(c * 27 + tap)];
        }
    }
    EXPECT_EQ(layer(x).value().codes(), Tensor::from(sums, {2, 3, out, out}, p16).codes());
    EXPECT_EQ(layer(x).gradient_target(), Target(p8));
    EXPECT_EQ(ConvTranspose2d(2, 3, 4, {}, Bias::no).bias(), nullptr);
    EXPECT_EQ(error_of([] { ConvTranspose2d(4, 3, 3, {.groups = 2}); }),
              "ConvTranspose2d: groups do not divide the channels: in 4, out 3, groups 2 (want a divisor of both)");
}

TEST(Layers, ConvolutionsPassGroupsAndDilationOn) {
    const Conv2dSpec spec{.stride = 2, .padding = 3, .dilation = 2, .groups = 2};
    const ConvTranspose2dSpec up{.stride = 2, .padding = 1, .output_padding = 1, .dilation = 2, .groups = 2};
    Conv2d conv(4, 6, 3, spec);
    ConvTranspose2d transposed(4, 6, 3, up);
    EXPECT_EQ(conv.weight().variable.shape(), (Shape{6, 2, 3, 3}));
    EXPECT_EQ(transposed.weight().variable.shape(), (Shape{4, 3, 3, 3}));
    const Tensor x = uniform({2, 4, 7, 5}, -2, 2);
    EXPECT_EQ(conv(x).value().codes(), core::conv2d(x, conv.weight().variable.value(), conv.bias()->variable.value(), spec).codes());
    EXPECT_EQ(transposed(x).value().codes(), core::conv_transpose2d(x, transposed.weight().variable.value(), transposed.bias()->variable.value(), up).codes());
    EXPECT_EQ(transposed(x).shape(), (Shape{2, 6, 16, 12}));
}

TEST(Layers, WithoutWeightsKeepFormatAndGradientTarget) {
    const Tensor values = Tensor::from({-2, -1, 0.5f, 4}, {1, 1, 2, 2}, p8);
    const auto apply = [&](Module& layer) {
        const Variable x = Variable::leaf(values, p16);
        const Variable y = layer(x);
        EXPECT_EQ(y.format(), p8);
        EXPECT_EQ(y.gradient_target(), Target(p16));
        backward(sum(y));
        EXPECT_EQ(x.grad().format(), p16);
        return y.value().to_vector();
    };
    const auto rounded = [](const std::vector<double>& v) { return Tensor::from(v, {static_cast<std::int64_t>(v.size())}, p8).to_vector(); };
    ReLU relu_layer;
    LeakyReLU leaky(0.5);
    Tanh tanh_layer;
    Sigmoid sigmoid_layer;
    Softmax softmax_layer;
    MaxPool2d max_layer;
    AvgPool2d average_layer;
    Flatten flatten;
    EXPECT_EQ(apply(relu_layer), (std::vector<float>{0, 0, 0.5, 4}));
    EXPECT_EQ(apply(leaky), (std::vector<float>{-1, -0.5, 0.5, 4}));
    EXPECT_EQ(apply(tanh_layer), rounded({std::tanh(-2.0), std::tanh(-1.0), std::tanh(0.5), std::tanh(4.0)}));
    EXPECT_EQ(apply(sigmoid_layer), rounded({1 / (1 + std::exp(2.0)), 1 / (1 + std::exp(1.0)), 1 / (1 + std::exp(-0.5)), 1 / (1 + std::exp(-4.0))}));
    GELU gelu_layer, gelu_tanh(core::GeluApproximation::tanh);
    const auto gelu_of = [](double x) { return x * std::erfc(-x / std::sqrt(2.0)) / 2; };
    const auto tanh_of = [](double x) { return x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x))) / 2; };
    EXPECT_EQ(apply(gelu_layer), rounded({gelu_of(-2), gelu_of(-1), gelu_of(0.5), gelu_of(4)}));
    EXPECT_EQ(apply(gelu_tanh), rounded({tanh_of(-2), tanh_of(-1), tanh_of(0.5), tanh_of(4)}));
    EXPECT_EQ(apply(softmax_layer), rounded({1 / (1 + std::exp(1.0)), 1 / (1 + std::exp(-1.0)), 1 / (1 + std::exp(3.5)), 1 / (1 + std::exp(-3.5))}));
    EXPECT_EQ(apply(max_layer), std::vector<float>{4});
    EXPECT_EQ(apply(average_layer), rounded({0.375}));
    AdaptiveAvgPool2d adaptive{{.rows = 1, .columns = 2}}, to_one{{.rows = 1, .columns = 1}};
    GlobalAvgPool2d global;
    EXPECT_EQ(apply(adaptive), rounded({-0.75, 1.5}));
    EXPECT_EQ(apply(to_one), rounded({0.375}));
    EXPECT_EQ(apply(global), rounded({0.375}));
    EXPECT_EQ(to_one(Tensor::zeros({3, 2, 5, 4})).shape(), (Shape{3, 2, 1, 1}));
    EXPECT_EQ(global(Tensor::zeros({3, 2, 5, 4})).shape(), (Shape{3, 2}));
    Dropout dropout_layer(0.25);
    apply(dropout_layer);
    apply(flatten);
    EXPECT_EQ(flatten(Tensor::zeros({3, 2, 5, 4})).shape(), (Shape{3, 40}));
}

TEST(Dropout, DropsInTrainingAloneAndScalesWhatItKeeps) {
    seed(11);
    Dropout layer(0.25);
    const Variable x = Variable::leaf(Tensor::full({40, 50}, 0.75));
    const Variable y = layer(x);
    backward(sum(y));
    const auto values = y.value().to_vector(), gradient = x.grad().to_vector();
    double kept = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_TRUE(values[i] == 0 || values[i] == 1) << values[i];
        ASSERT_EQ(gradient[i], values[i] == 0 ? 0 : static_cast<float>(1 / 0.75));
        kept += values[i];
    }
    EXPECT_NEAR(kept / 2000, 0.75, 4 * std::sqrt(0.75 * 0.25 / 2000));
    EXPECT_NE(layer(x).value().codes(), y.value().codes());
    seed(11);
    EXPECT_EQ(layer(x).value().codes(), y.value().codes());
    layer.eval();
    EXPECT_EQ(layer(x).value().codes(), x.value().codes());
}

TEST(Embedding, LooksUpRowsAndAddsTheirGradients) {
    Embedding layer(5, 3, 1);
    layer.set_precision({.weights = p8, .errors = p16, .gradients = p8});
    const auto w = layer.weight().variable.value().to_vector();
    EXPECT_EQ((std::vector<float>{w[3], w[4], w[5]}), (std::vector<float>{0, 0, 0}));
    EXPECT_NE(w[0], 0);
    const std::vector<std::int32_t> index{4, 1, 4, 0};
    const Variable y = layer(Tensor::from(index, {2, 2}));
    EXPECT_EQ(y.shape(), (Shape{2, 2, 3}));
    EXPECT_EQ(y.format(), p8);
    EXPECT_EQ(y.gradient_target(), Target(p16));
    const auto values = y.value().to_vector();
    for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(values[i], w[static_cast<std::size_t>(index[i / 3]) * 3 + i % 3]);
    backward(sum(to(y, Format::float32()) * Tensor::from({1, 2, 3, 4, 5, 6, 0.5, 0.25, 7, 8, 9, 10}, {2, 2, 3})));
    const auto r = [](double v) { return static_cast<float>(tests::r(v, p8)); };
    EXPECT_EQ(layer.weight().variable.grad().to_vector(), (std::vector<float>{r(8), r(9), r(10), 0, 0, 0, 0, 0, 0, 0, 0, 0, r(1.5), r(2.25), r(10)}));
    EXPECT_NE(error_of([&] { layer(Tensor::from(std::vector<std::int32_t>{5}, {1})); }).find("index out of range: 5"), std::string::npos);
    EXPECT_EQ(error_of([&] { layer(Tensor::zeros({2})); }), "embedding: the index does not fit: float32 came (want int32)");
    EXPECT_EQ(error_of([] { Embedding(3, 2, 3); }), "Embedding: padding_index is out of range: 3 (want less than 3)");
}

TEST(Quantizer, RoundsBothWays) {
    Quantizer layer(Target{p8}, Target{Format::posit(6, 1)});
    const Variable x = Variable::leaf(Tensor::from({1.03f, 0.7f}, {2}));
    const Variable y = layer(x);
    EXPECT_EQ(y.value().to_vector(), (std::vector<float>{1, 0.6875}));
    const Tensor factor = Tensor::from({1.3f, 0.1f}, {2});
    backward(sum(mul(to(y, Format::float32()), factor)));
    EXPECT_EQ(x.grad().to_vector(), factor.to(p8).to(Format::posit(6, 1)).to_vector());  // dy reaches y in its compute type

    Quantizer forward_only(Target{p8}), backward_only(Output{}, Target{p8});
    EXPECT_EQ(forward_only(x).format(), p8);
    EXPECT_EQ(backward_only(x).format(), Format::float32());
}

struct Moments {
    double mean = 0, deviation = 0, largest = 0;
};
Moments moments(const Tensor& t) {
    Moments m;
    const auto values = t.to_vector();
    const auto n = static_cast<double>(values.size());
    for (const float v : values) m.mean += v / n, m.largest = std::max(m.largest, std::fabs(static_cast<double>(v)));
    for (const float v : values) m.deviation += (v - m.mean) * (v - m.mean) / n;
    m.deviation = std::sqrt(m.deviation);
    return m;
}

TEST(Init, FollowsItsDistribution) {
    const Shape shape{60, 40, 5, 5};  // fan-in 1000, fan-out 1500
    EXPECT_EQ(init::fan_in(shape), 1000);
    EXPECT_EQ(init::fan_out(shape), 1500);
    Generator generator(3);
    const auto uniform_bound = [](const Tensor& t, double bound) {
        const Moments m = moments(t);
        EXPECT_LE(m.largest, bound);
        EXPECT_NEAR(m.largest, bound, bound * 1e-3);
        EXPECT_NEAR(m.deviation, bound / std::sqrt(3.0), bound * 0.01);
        EXPECT_NEAR(m.mean, 0, bound * 0.01);
    };
    const auto normal_deviation = [](const Tensor& t, double deviation) {
        const Moments m = moments(t);
        EXPECT_NEAR(m.deviation, deviation, deviation * 0.015);
        EXPECT_NEAR(m.mean, 0, deviation * 0.02);
    };
    uniform_bound(init::default_uniform(shape, 1000, generator), 1 / std::sqrt(1000.0));
    uniform_bound(init::xavier_uniform(shape, 2, generator), 2 * std::sqrt(6 / 2500.0));
    uniform_bound(init::kaiming_uniform(shape, std::sqrt(2.0), generator), std::sqrt(6 / 1000.0));
    normal_deviation(init::xavier_normal(shape, 2, generator), 2 * std::sqrt(2 / 2500.0));
    normal_deviation(init::kaiming_normal(shape, std::sqrt(2.0), generator), std::sqrt(2 / 1000.0));
    EXPECT_EQ(generator.stream(), 5u);
    EXPECT_EQ(init::constant({2}, 0.25).to_vector(), (std::vector<float>{0.25, 0.25}));
    EXPECT_EQ(init::zeros({2}).to_vector(), (std::vector<float>{0, 0}));
    EXPECT_EQ(error_of([] { init::xavier_uniform({5}); }), "init: too few axes for a fan: [5] (want [out, in, ...])");
}

TEST(Init, LayersStartAsPyTorchsDo) {
    Generator a(9), b(9);
    Conv2d conv(6, 16, 5, {}, Bias::yes, a);
    const double bound = 1 / std::sqrt(150.0);
    EXPECT_LE(moments(conv.weight().variable.value()).largest, bound);
    EXPECT_GE(moments(conv.weight().variable.value()).largest, 0.99 * bound);
    EXPECT_LE(moments(conv.bias()->variable.value()).largest, bound);
    EXPECT_GE(moments(conv.bias()->variable.value()).largest, 0.3 * bound);
    Conv2d grouped(8, 16, 5, {.groups = 4}, Bias::yes, a);              // a fan of 2 * 25
    ConvTranspose2d transposed(8, 12, 5, {.groups = 2}, Bias::yes, a);  // of 6 * 25
    EXPECT_NEAR(moments(grouped.weight().variable.value()).largest, 1 / std::sqrt(50.0), 0.01 / std::sqrt(50.0));
    EXPECT_NEAR(moments(transposed.weight().variable.value()).largest, bound, 0.01 * bound);
    LeNet5 first(b), second(b);  // the generator moves on
    EXPECT_NE(first.fc1.weight().variable.value().codes(), second.fc1.weight().variable.value().codes());
    Generator c(9);
    LeNet5 third(c);
    EXPECT_EQ(first.fc1.weight().variable.value().codes(), third.fc1.weight().variable.value().codes());
}

// Each rounds what it is given into `loss`, and the gradient into `loss`, then into `errors`.
TEST(Losses, RoundIntoTheLossFormatBothWays) {
    const Precision precision{.loss = p8};
    const Tensor values = Tensor::from({0.31f, -1.3f, 2.7f, 0.9f, -0.2f, 0.05f}, {2, 3}), target = Tensor::from({0, 1, 0.5f, 0, 1, 1}, {2, 3});
    const Tensor labels = Tensor::from(std::vector<std::int32_t>{2, 0}, {2});
    const auto v = values.to(p8).to_vector_double(), t = target.to_vector_double();
    const auto check = [&](const std::function<Variable(const Variable&)>& loss, const std::function<double(std::size_t)>& term, double n,
                           const std::function<double(std::size_t)>& gradient) {
        const Variable x = Variable::leaf(values, p16), result = loss(x);
        double sum = 0;
        std::vector<double> want;
        for (std::size_t i = 0; i < 6; ++i) sum += term(i), want.push_back(tests::r(tests::r(gradient(i), p8), p16));
        EXPECT_EQ(result.format(), Format::float32());
        EXPECT_NEAR(result.value().item(), sum / n, 1e-6 * std::fabs(sum));
        backward(result);
        EXPECT_EQ(x.grad().to_vector_double(), want);
    };
    check([&](const Variable& x) { return mse_loss(x, target, precision); }, [&](std::size_t i) { return (v[i] - t[i]) * (v[i] - t[i]); }, 6,
          [&](std::size_t i) { return 2 * (v[i] - t[i]) / 6; });
    check([&](const Variable& x) { return bce_with_logits_loss(x, target, precision); },
          [&](std::size_t i) { return -t[i] * std::log(1 / (1 + std::exp(-v[i]))) - (1 - t[i]) * std::log(1 / (1 + std::exp(v[i]))); }, 6,
          [&](std::size_t i) { return (1 / (1 + std::exp(-v[i])) - t[i]) / 6; });
    check([&](const Variable& x) { return nll_loss(x, labels, precision); }, [&](std::size_t i) { return i == 2 || i == 3 ? -v[i] : 0; }, 2,
          [&](std::size_t i) { return i == 2 || i == 3 ? -0.5 : 0; });
    const auto log_softmax_of = [&](std::size_t i) {
        const std::size_t row = i / 3 * 3;
        return v[i] - std::log(std::exp(v[row]) + std::exp(v[row + 1]) + std::exp(v[row + 2]));
    };
    const auto share = [](std::size_t i) { return (i == 2 || i == 3 ? 0.7 : 0) + 0.1; };
    check([&](const Variable& x) { return cross_entropy(x, labels, precision, 0.3); }, [&](std::size_t i) { return -share(i) * log_softmax_of(i); }, 2,
          [&](std::size_t i) { return (std::exp(log_softmax_of(i)) - share(i)) / 2; });
    EXPECT_EQ(error_of([&] { nll_loss(values, target, precision); }),
              "nll_loss: shapes do not fit: log_probabilities is [2, 3], labels is [2, 3] (want [N, C] and [N], not empty)");
}

TEST(Losses, CountsCorrectPredictions) {
    const float nan = std::nanf("");
    const Tensor logits = Tensor::from({1, 3, 2, 3, 3, 1, nan, 5, 1}, {3, 3});
    const std::vector<std::int32_t> labels{1, 0, 0};
    EXPECT_EQ(correct_predictions(logits, Tensor::from(labels, {3})), 2);
    EXPECT_EQ(error_of([&] {
                  correct_predictions(logits, Tensor::from(labels, {3}).reshape({3, 1}));
              }),
              "correct_predictions: shapes do not match: logits [3, 3], labels [3, 1] (want [N, C] and [N])");
}

}  // namespace
}  // namespace taper::nn
