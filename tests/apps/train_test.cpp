// The parts of the shared trainer: step sizes by schedule, curves as text.
#include <gtest/gtest.h>

#include <taper/formats/error.h>
#include <taper/nn/optim/sgd.h>
#include <taper/train/epoch_result.h>
#include <taper/train/step_size.h>

#include "support/throws.h"

namespace taper::train {
namespace {

constexpr std::int64_t batches = 10;

TEST(StepSize, StepAndCosineChangeByEpoch) {
    const StepSize drops({.epochs = 8, .optimizer = {.lr = 1}, .schedule = {.kind = ScheduleKind::step, .every = 2, .factor = 0.1}}, batches);
    EXPECT_EQ(drops.rate(1, 9), 1);
    EXPECT_EQ(drops.rate(2, 0), 0.1);
    const StepSize cosine({.epochs = 4, .optimizer = {.lr = 1}, .schedule = {.kind = ScheduleKind::cosine, .last = 0.5}}, batches);
    EXPECT_EQ(cosine.rate(0, 9), 1);
    EXPECT_DOUBLE_EQ(cosine.rate(2, 0), 0.75);
    EXPECT_FALSE(cosine.momentum(0, 0));
}

TEST(StepSize, WarmUpGrowsStepByStep) {
    const StepSize size({.epochs = 4, .optimizer = {.lr = 1}, .schedule = {.warmup = 2}}, batches);
    EXPECT_DOUBLE_EQ(size.rate(0, 0), 1.0 / 20);
    EXPECT_DOUBLE_EQ(size.rate(1, 0), 1.0 / 20 + 19.0 / 20 * 10 / 20);
    EXPECT_EQ(size.rate(2, 0), 1);
}

// PyTorch's OneCycleLR over 40 steps: the top at step 11.
TEST(StepSize, OneCycleMovesTheMomentumAgainstTheRate) {
    Settings settings{.epochs = 4, .optimizer = {.lr = 0.1, .momentum = 0.9}, .schedule = {.kind = ScheduleKind::one_cycle}};
    const StepSize size(settings, batches);
    EXPECT_DOUBLE_EQ(size.rate(0, 0), 0.004);
    EXPECT_DOUBLE_EQ(size.rate(1, 1), 0.1);
    EXPECT_DOUBLE_EQ(*size.momentum(0, 0), 0.95);
    EXPECT_DOUBLE_EQ(*size.momentum(1, 1), 0.85);
    EXPECT_DOUBLE_EQ(*size.momentum(3, 9), 0.95);
    nn::Parameter weight(Tensor::zeros({2}));
    nn::Sgd sgd({{"w", &weight}}, {.lr = 1, .momentum = 0.9});
    size.apply(sgd, 1, 1);
    EXPECT_DOUBLE_EQ(sgd.learning_rate(), 0.1);
    EXPECT_DOUBLE_EQ(sgd.options().momentum, 0.85);
    settings.optimizer.momentum = 0;
    EXPECT_FALSE(StepSize(settings, batches).momentum(0, 0));
    settings.epochs = 1;
    EXPECT_EQ(tests::error_of([&] { StepSize(settings, 3); }), "schedule: one_cycle has no time to rise: 0.3 of 3 steps (want more than 1)");
}

TEST(LossScale, OneNeedsNoScaler) {
    EXPECT_FALSE(make_loss_scaler({}));
    EXPECT_EQ(make_loss_scaler({.loss_scale = 1000})->scale(), 1000);
    EXPECT_EQ(make_loss_scaler({.loss_scale = 65536, .dynamic_scale = true})->scale(), 65536);
}

TEST(Curves, GoThroughText) {
    const Curves curves{{.learning_rate = 0.1, .train_loss = 1.0 / 3, .train_accuracy = 0.5, .test_loss = 2, .test_accuracy = 0.75},
                        {.epoch = 1, .learning_rate = 0.05, .test_accuracy = 0.75, .loss_scale = 512, .skipped = 3}};
    const Curves read = parse_curves(text(curves), "c.st");
    ASSERT_EQ(read.size(), 2u);
    EXPECT_EQ(read[0].train_loss, 1.0 / 3);
    EXPECT_EQ(read[1].epoch, 1);
    EXPECT_EQ(read[1].skipped, 3);
    EXPECT_EQ(best_epoch(read), &read[0]);
    EXPECT_EQ(best_epoch({}), nullptr);
    EXPECT_EQ(tests::error_of([] { parse_tally("1 2", "c.st"); }), "resume: damaged notes: c.st has \"1 2\" (want 4 numbers)");
}

}  // namespace
}  // namespace taper::train
