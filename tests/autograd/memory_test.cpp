// What a graph keeps: codes, once, of what its gradients read; and when it lets go.
#include <gtest/gtest.h>

#include "autograd/ops_of_tests.h"
#include <taper/core/memory.h>

namespace taper {
namespace {

using namespace tests;

const Format p8 = Format::posit(8, 2);

std::int64_t live(Role role) { return memory_statistics()[role]; }

TEST(Saved, CountsCodesOnceUntilTheOpHasRun) {
    const Variable x = Variable::leaf(Tensor::zeros({1000}, p8));
    x.value().set_role(Role::parameters);
    const std::int64_t before = live(Role::saved), parameters = live(Role::parameters);
    {
        const Variable loss = sum(relu(relu(square(exp(x)))));
        // square reads exp's output, which exp saved too; each relu reads its own output: three tensors of one byte an element.
        EXPECT_EQ(live(Role::saved) - before, 3000);
        EXPECT_EQ(live(Role::parameters), parameters);
        backward(loss);
        EXPECT_EQ(live(Role::saved), before);
    }
    EXPECT_EQ(live(Role::saved), before);
}

TEST(Saved, ParametersKeepTheirRole) {
    const Variable x = Variable::leaf(Tensor::zeros({1000}, p8));
    x.value().set_role(Role::parameters);
    const std::int64_t before = live(Role::saved), parameters = live(Role::parameters);
    const Variable y = square(x);
    EXPECT_EQ(live(Role::saved), before);
    EXPECT_EQ(live(Role::parameters), parameters);
}

TEST(Saved, OpsThatReadNothingSaveNothing) {
    const Variable x = Variable::leaf(Tensor::zeros({10, 100}, p8));
    const std::int64_t saved = live(Role::saved), total = memory_statistics().live_total;
    {
        const Variable y = sum(slice(concatenate({transpose(x), scale(transpose(neg(sub(add(x, x), x))), 2)}, 0), 0, 0, 100));
        EXPECT_EQ(live(Role::saved), saved);
        EXPECT_LE(memory_statistics().live_total, total + 8);  // the sum alone
        backward(y);
    }
}

TEST(Saved, NothingIsKeptForWhatIsFrozen) {
    const Variable image = Tensor::zeros({4, 3, 8, 8}, p8);
    const std::int64_t before = live(Role::saved);
    Variable w = Variable::leaf(Tensor::zeros({2, 3, 3, 3}, p8));
    const Variable y = conv2d(image, w, Variable());
    EXPECT_EQ(live(Role::saved) - before, image.value().elements());  // the image for dw; no weights, since no dx is wanted
    w.set_requires_grad(false);
    const Variable h = Variable::leaf(Tensor::zeros({4, 3, 8, 8}, p8));
    const Variable z = conv2d(h, w, Variable());
    EXPECT_EQ(live(Role::saved) - before, image.value().elements() + w.value().elements());  // now the weights, and not h
}

TEST(Saved, MaxPoolKeepsOneByteAnOutput) {
    const Variable x = Variable::leaf(Tensor::zeros({2, 3, 8, 8}, Format::posit(16, 2)));
    const std::int64_t saved = live(Role::saved), indices = live(Role::indices), total = memory_statistics().live_total;
    const Variable y = sum(max_pool2d(x));
    EXPECT_EQ(live(Role::saved), saved);
    EXPECT_EQ(live(Role::indices) - indices, 2 * 3 * 4 * 4);
    EXPECT_LE(memory_statistics().live_total - total, 2 * 3 * 4 * 4 + 8);
}

TEST(Gradients, OfLeavesCountAsGradients) {
    const Variable w = Variable::leaf(Tensor::zeros({1000}), p8);
    const std::int64_t before = live(Role::gradients);
    backward(sum(scale(w, 2)));
    EXPECT_EQ(live(Role::gradients) - before, 1000);
}

}  // namespace
}  // namespace taper
