// What goes with the optimizers: clipping, the loss scaler, schedules.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support.h"

namespace taper::nn {
namespace {

using tests::error_of;
using tests::p16;
using tests::p8;

struct Two : Module {
    Parameter &a, &b;
    Two() : a(add_parameter("a", Tensor::full({3}, 1))), b(add_parameter("b", Tensor::full({2, 2}, 1))) {}
    void set_gradients(const std::vector<float>& a_values, const std::vector<float>& b_values) {
        a.variable.set_grad(Tensor::from(a_values, {3}, a.precision.gradients.format));
        b.variable.set_grad(Tensor::from(b_values, {2, 2}, b.precision.gradients.format));
    }

  protected:
    Variable forward(const Variable& x) override { return mul(x, a.variable); }
};

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();

TEST(Clip, NormIsOverAllGradientsInFloat64) {
    Two model;
    EXPECT_EQ(gradient_norm(model.parameters()), 0);  // none yet
    model.set_gradients({1, -2, 4}, {2, 0, -6, 8});
    EXPECT_EQ(gradient_norm(model.parameters()), std::sqrt(125.0));
    model.a.variable.zero_grad();
    EXPECT_EQ(gradient_norm(model.parameters()), std::sqrt(104.0));
    model.set_gradients({nan_value, 0, 0}, {2, 0, -6, 8});
    EXPECT_TRUE(std::isnan(gradient_norm(model.parameters())));
    // 2^-30 next to 1: lost in float32, whatever the order.
    model.set_gradients({1, 0x1p-15f, 0}, {0, 0, 0, 0});
    EXPECT_EQ(gradient_norm(model.parameters()), std::sqrt(1 + 0x1p-30));
}

TEST(Clip, ScaleIsPyTorchsAndCostsNoRounding) {
    EXPECT_EQ(clip_scale(0.5, 1), 1);
    EXPECT_EQ(clip_scale(4, 1), 1 / (4 + 1e-6));
    EXPECT_TRUE(std::isnan(clip_scale(std::nan(""), 1)));
    Two model;
    model.set_precision({.gradients = p8});
    model.set_gradients({3, 0, 0}, {4, 0, 0, 0});
    Sgd sgd(model.parameters(), {.lr = 1});
    const double scale = clip_scale(gradient_norm(model.parameters()), 1);
    sgd.step(scale);
    EXPECT_EQ(model.a.variable.value().to_vector()[0], 1.0f - 3.0f * static_cast<float>(scale));
    EXPECT_EQ(model.b.variable.value().to_vector()[0], 1.0f - 4.0f * static_cast<float>(scale));
}

TEST(Clip, ByValueStaysWithinTheLimit) {
    Two model;
    model.set_precision({.gradients = p8});
    model.set_gradients({3, -3, 0.0625f}, {nan_value, -0.09375f, 0, 0.125f});
    clip_by_value(model.parameters(), 0.1);
    const float bound = 0.09375f;  // 0.1 lies between 3/32 and 13/128
    EXPECT_EQ(model.a.variable.grad().to_vector(), (std::vector<float>{bound, -bound, 0.0625f}));
    const auto b = model.b.variable.grad().to_vector();
    EXPECT_TRUE(std::isnan(b[0]));
    EXPECT_EQ((std::vector<float>{b[1], b[2], b[3]}), (std::vector<float>{-0.09375f, 0, bound}));
    EXPECT_EQ(model.a.variable.grad().format(), p8);
    EXPECT_EQ(error_of([&] { clip_by_value(model.parameters(), 0); }), "clip_by_value: the limit is not positive: 0 (want more than 0)");
}

TEST(LossScaler, SkipsHalvesAndDoubles) {
    Two model;
    Sgd sgd(model.parameters(), {.lr = 0.5});
    LossScaler scaler({.initial = 8, .interval = 2, .minimum = 2, .maximum = 16});
    const auto step = [&](float value) {
        model.set_gradients({1, value, 0}, {0, 0, 0, 0});
        return scaler.step(sgd);
    };
    EXPECT_TRUE(step(1));
    EXPECT_EQ(scaler.scale(), 8);
    EXPECT_TRUE(step(1));
    EXPECT_EQ(scaler.scale(), 16);
    EXPECT_TRUE(step(1) && step(1));
    EXPECT_EQ(scaler.scale(), 16);  // the maximum
    EXPECT_TRUE(step(1));
    const auto before = model.a.variable.value().to_vector();
    for (const float bad : {nan_value, infinite, -infinite}) EXPECT_FALSE(step(bad));
    EXPECT_EQ(model.a.variable.value().to_vector(), before);
    EXPECT_EQ(scaler.scale(), 2);
    EXPECT_FALSE(step(nan_value));
    EXPECT_EQ(scaler.scale(), 2);  // the minimum
    EXPECT_EQ(scaler.skipped(), 4);
    EXPECT_EQ(sgd.steps(), 5);
    EXPECT_TRUE(step(1));
    EXPECT_EQ(scaler.scale(), 2);  // the good steps before the bad ones count no more
    EXPECT_TRUE(step(1));
    EXPECT_EQ(scaler.scale(), 4);
}

TEST(LossScaler, SeesNarAndNanWithoutACode) {
    for (const Format& format : {p8, Format::parse("fixed(8,4)"), Format::parse("e4m3")}) {
        Two model;
        model.set_precision({.gradients = format});
        Sgd sgd(model.parameters(), {.lr = 0.5});
        LossScaler scaler({.initial = 1000, .interval = 0});
        model.b.variable.set_grad(Tensor::full({2, 2}, 1, format));
        model.a.variable.set_grad(Tensor::from({1, nan_value, 0}, {3}).to(format));
        EXPECT_FALSE(scaler.step(sgd)) << format.name();
        EXPECT_EQ(scaler.scale(), 1000);
        EXPECT_EQ(sgd.steps(), 0);
        model.a.variable.set_grad(Tensor::full({3}, 1, format));
        EXPECT_TRUE(scaler.step(sgd)) << format.name();
        EXPECT_EQ(scaler.skipped(), 1);
    }
}

TEST(LossScaler, ComesBackFromCheckpoints) {
    Two model;
    Sgd sgd(model.parameters(), {.lr = 0.5});
    LossScaler scaler({.initial = 0.3, .interval = 5}), other({.interval = 5});
    model.set_gradients({1, 1, 0}, {0, 0, 0, 0});
    scaler.step(sgd);
    const tests::TemporaryFolder folder;
    save_checkpoint(folder.path / "with.st", model, sgd, {}, &scaler);
    save_checkpoint(folder.path / "without.st", model, sgd, {});
    load_checkpoint(folder.path / "with.st", model, sgd, &other);
    EXPECT_EQ(other.state(), scaler.state());
    EXPECT_EQ(other.scale(), 0.3);
    EXPECT_NE(error_of([&] { load_checkpoint(folder.path / "with.st", model, sgd); }).find("has a loss scaler (want none)"), std::string::npos);
    EXPECT_NE(error_of([&] { load_checkpoint(folder.path / "without.st", model, sgd, &other); }).find("has no loss scaler (want one)"), std::string::npos);
    EXPECT_EQ(error_of([&] {
                  other.load({{"scale", "1"}, {"good", "0"}});
              }),
              "LossScaler: not its state: 2 entries came, with \"scale\" (want scale, good and skipped)");
    EXPECT_EQ(error_of([&] {
                  other.load({{"scale", "0"}, {"good", "0"}, {"skipped", "1"}});
              }),
              "LossScaler: the scale is not positive: 0 (want a finite number above 0)");
    EXPECT_EQ(error_of([&] { other.load({{"scale", "1"}, {"good", "-1"}, {"skipped", "1"}}); }), "LossScaler: not a number: good is \"-1\" (want one from 0)");
    EXPECT_EQ(other.scale(), 0.3);
    EXPECT_EQ(error_of([] { LossScaler({.initial = 0}); }), "LossScaler: the scale is not positive: 0 (want a finite number above 0)");
}

// PyTorch's recurrences, step by step: lr_t = lr_{t-1} changed as CosineAnnealingLR, LinearLR do it.
TEST(Schedules, CosineIsPyTorchs) {
    const CosineLr schedule{.initial = 0.1, .period = 20, .minimum = 0.001};
    double rate = 0.1;
    for (std::int64_t t = 0; t < 20; ++t) {
        EXPECT_NEAR(schedule(t), rate, 1e-15);
        const double pi = std::acos(-1.0), at = static_cast<double>(t);
        rate = (1 + std::cos(pi * (at + 1) / 20)) / (1 + std::cos(pi * at / 20)) * (rate - 0.001) + 0.001;
    }
    EXPECT_EQ(schedule(0), 0.1);
    EXPECT_EQ(schedule(20), 0.001);
    EXPECT_EQ(schedule(25), 0.001);
}

TEST(Schedules, OneCycleIsPyTorchs) {
    const OneCycleLr schedule{.maximum = 0.01, .steps = 100};
    const double pi = std::acos(-1.0), initial = 0.01 / 25, last = initial / 1e4;
    // annealing_cos(start, end, pct) = end + (start - end) / 2 (cos(pi pct) + 1), phases ending at 29 and at 99.
    for (std::int64_t t = 0; t < 100; ++t) {
        const double at = static_cast<double>(t);
        const double want =
            t <= 29 ? 0.01 + (initial - 0.01) / 2 * (std::cos(pi * at / 29) + 1) : last + (0.01 - last) / 2 * (std::cos(pi * (at - 29) / 70) + 1);
        EXPECT_NEAR(schedule(t), want, 1e-16) << t;
    }
    EXPECT_NEAR(schedule(29), 0.01, 1e-17);
    EXPECT_EQ(schedule(99), schedule(500));
}

TEST(Schedules, OneCyclesMomentumIsPyTorchs) {
    const OneCycleMomentum momentum{.steps = 100};
    const double pi = std::acos(-1.0);
    for (std::int64_t t = 0; t < 100; ++t) {
        const double at = static_cast<double>(t);
        const double want = t <= 29 ? 0.85 + (0.95 - 0.85) / 2 * (std::cos(pi * at / 29) + 1) : 0.95 + (0.85 - 0.95) / 2 * (std::cos(pi * (at - 29) / 70) + 1);
        EXPECT_NEAR(momentum(t), want, 1e-15) << t;
    }
}

// A step with the momentum that was set: v = 0.5 * 1 + 1.
TEST(Optimizers, MomentumIsSetForAllGroups) {
    Parameter a(Tensor::zeros({1})), b(Tensor::zeros({1}));
    Sgd sgd({{{{"a", &a}}, {.lr = 1, .momentum = 0.9}}, {{{"b", &b}}, {.lr = 1, .momentum = 0.8}}});
    const auto step = [&] {
        for (Parameter* p : {&a, &b}) p->variable.set_grad(Tensor::full({1}, 1));
        sgd.step();
    };
    step();
    sgd.set_momentum(0.5);
    step();
    EXPECT_EQ(a.variable.value().item(), -2.5f);
    EXPECT_EQ(b.variable.value().item(), -2.5f);
    EXPECT_EQ(error_of([&] { sgd.set_momentum(1); }), "Sgd: a momentum out of range: 1 (want 0 < momentum < 1)");
    Sgd plain({{"a", &a}}, {.lr = 1});
    EXPECT_EQ(error_of([&] { plain.set_momentum(0.5); }), "Sgd: no momentum to set: 0.5 came where it is 0 (want one from the start)");
    Adam adam({{"a", &a}});
    adam.set_momentum(0.5);
    EXPECT_EQ(adam.options().beta1, 0.5);
}

// After epochs in float32: velocity 1.1 is 1.125 in posit(8,2), and the optimizer goes on from there.
TEST(Optimizers, StateIsRoundedIntoNewFormats) {
    const Format p8 = Format::posit(8, 2);
    Parameter weight(Tensor::zeros({1}));
    Sgd sgd({{"w", &weight}}, {.lr = 1, .momentum = 0.5});
    weight.variable.set_grad(Tensor::full({1}, 1.1));
    sgd.step();
    weight.set_precision({.state = p8});
    sgd.round_state();
    const Tensor velocity = sgd.state().at("velocity.w");
    EXPECT_EQ(velocity.format(), p8);
    EXPECT_EQ(velocity.item(), 1.125f);
    weight.variable.set_grad(Tensor::full({1}, 1));
    sgd.step();
    EXPECT_EQ(sgd.state().at("velocity.w").item(), 1.5f);  // 1.5625, a tie, to the even code
}

TEST(Schedules, WarmUpIsPyTorchsLinear) {
    const WarmUp<StepLr> schedule{.then = {.initial = 0.5, .period = 6}, .period = 4, .start = 0.25};
    double rate = 0.5 * 0.25;
    for (std::int64_t t = 0; t < 4; ++t) {
        EXPECT_NEAR(schedule(t), rate, 1e-15);
        rate *= 1 + (1 - 0.25) / (4 * 0.25 + static_cast<double>(t) * (1 - 0.25));
    }
    EXPECT_EQ(schedule(4), 0.5);
    EXPECT_EQ(schedule(5), 0.5);
    EXPECT_EQ(schedule(6), 0.25);
    const WarmUp<CosineLr> cosine{.then = {.initial = 0.1, .period = 20}, .period = 5, .start = 0};
    EXPECT_EQ(cosine(0), 0);
    EXPECT_EQ(cosine(5), CosineLr({.initial = 0.1, .period = 20})(5));
}

}  // namespace
}  // namespace taper::nn
