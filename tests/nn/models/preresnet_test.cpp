// PreResNet: its size, its names, its initial weights, and a step in posits.
#include <gtest/gtest.h>

#include "../support.h"

namespace taper::nn {
namespace {

TEST(PreResNet, HasThePublishedCountOfParameters) {
    EXPECT_EQ(PreResNet().parameter_count(), 272282);
    EXPECT_EQ(PreResNet({.depth = 32}).parameter_count(), 466714);
    EXPECT_EQ(PreResNet({.depth = 56}).parameter_count(), 855578);
}

TEST(PreResNet, LearnsAStepInPosits) {
    PreResNet model({.depth = 8, .classes = 7});
    model.set_precision(tests::posit_precision());
    const Batch batch{.images = uniform({3, 3, 16, 16}, -1, 1), .labels = Tensor::from(std::vector<std::int32_t>{0, 3, 6}, {3})};
    EXPECT_EQ(model(batch.images).shape(), (Shape{3, 7}));
}

}  // namespace
}  // namespace taper::nn
