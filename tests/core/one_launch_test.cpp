// OneLaunch: a step in one launch gives the bits and the errors of a plain call.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <taper/core/backend.h>
#include <taper/core/one_launch.h>
#include <taper/core/ops.h>
#include <taper/core/random.h>
#include <taper/core/steps.h>

#include "support/throws.h"

namespace taper {
namespace {

using tests::error_of;

const Format p8 = Format::posit(8, 2), p16 = Format::posit(16, 1);

// A classifier of one layer, trained by Adam: copies from the host, products, reads within the step, rates that change, stochastic rounding.
struct Training {
    static constexpr std::int64_t classes = 10, features = 48;
    Tensor weight, master, mean = Tensor::zeros({classes, features}), square = Tensor::zeros({classes, features});
    std::vector<double> losses;
    std::int64_t t = 0;

    Training() {
        seed(11);
        master = randn({classes, features}, p16);
        weight = master.to(p8);
    }

    void step(std::int64_t batch) {
        ++t;
        std::vector<float> pixels(static_cast<std::size_t>(batch * features));
        std::vector<std::int32_t> targets(static_cast<std::size_t>(batch));
        for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>((static_cast<std::int64_t>(i) * 37 + t * 11) % 101) / 50 - 1;
        for (std::size_t i = 0; i < targets.size(); ++i) targets[i] = static_cast<std::int32_t>((static_cast<std::int64_t>(i) + t) % classes);
        const Tensor x = Tensor::from(pixels, {batch, features}, p8), labels = Tensor::from(targets, {batch});
        const Tensor logits = core::matmul(x, weight, {.transpose_b = true, .output = p16});
        const Tensor loss = core::cross_entropy(logits, labels);
        if (t % 2 == 0) losses.push_back(loss.item());
        const Tensor errors = core::cross_entropy_backward(logits, labels, Tensor::full({}, 1), Target(p16, Rounding::stochastic));
        const Tensor gradient = core::matmul(errors, x, {.transpose_a = true, .output = Target(p16, Rounding::stochastic)});
        core::AdamStep adam{.lr = 0.5 / static_cast<double>(t), .t = t};
        adam.weight_rounding = adam.master_rounding = Rounding::stochastic;
        adam.seed = default_generator().seed();
        adam.stream = default_generator().stream();
        for (std::uint64_t i = 0; i < core::adam_streams(adam.rounding); ++i) default_generator().next_stream();
        core::adam_step({weight, master}, mean, square, gradient, adam);
        if (t % 3 == 0) losses.push_back(core::reduce(core::Reduction::squares, gradient).item());
    }
};

// The steps' batches: the last ones of an epoch are smaller.
constexpr std::int64_t batches[] = {32, 32, 32, 7, 32, 32, 32, 7, 32, 32};

TEST(OneLaunch, GivesTheBitsOfAPlainCall) {
    Training plain;
    for (const std::int64_t batch : batches) plain.step(batch);
    Training launched;
    OneLaunch one_launch;
    for (const std::int64_t batch : batches) one_launch([&] { launched.step(batch); });
    EXPECT_EQ(launched.losses, plain.losses);
    EXPECT_EQ(launched.weight.codes(), plain.weight.codes());
    EXPECT_EQ(launched.master.codes(), plain.master.codes());
    EXPECT_EQ(launched.mean.codes(), plain.mean.codes());
    EXPECT_EQ(launched.square.codes(), plain.square.codes());
}

// More bytes from the host than are staged at once, in one piece.
TEST(OneLaunch, ManyCopiesWithin) {
    OneLaunch one_launch;
    for (std::int32_t round = 0; round < 3; ++round) {
        std::vector<Tensor> copies;
        one_launch([&] {
            for (std::int32_t copy = 0; copy < 20; ++copy) {
                const std::vector<std::int32_t> values(700000, 100 * round + copy);
                copies.push_back(Tensor::from(values, {700000}));
            }
        });
        for (std::int32_t copy = 0; copy < 20; ++copy) {
            const std::vector<std::int32_t> got = copies[static_cast<std::size_t>(copy)].to_int32_vector();
            EXPECT_TRUE(std::all_of(got.begin(), got.end(), [&](std::int32_t value) { return value == 100 * round + copy; })) << round << ", " << copy;
        }
    }
}

TEST(OneLaunch, AnExceptionEndsItAsAPlainCall) {
    OneLaunch one_launch;
    for (int i = 0; i < 4; ++i) {
        Tensor y;
        const Tensor x = Tensor::full({100}, i);
        const auto work = [&] {
            y = core::unary(Unary::square, x);
            core::binary(Binary::add, x, Tensor::full({99}, 1));
        };
        EXPECT_EQ(error_of([&] { one_launch(work); }).find("add: shapes do not broadcast"), 0u);
        EXPECT_EQ(y.to_vector(), std::vector<float>(100, static_cast<float>(i * i))) << "what came before it is done";
        Tensor z;
        one_launch([&] { z = core::unary(Unary::square, y); });
        EXPECT_EQ(z.to_vector(), std::vector<float>(100, static_cast<float>(i * i * i * i)));
    }
    for (int i = 0; i < 3; ++i) {
        EXPECT_THROW(one_launch([] { throw 7; }), int);
        EXPECT_NE(error_of([&] { one_launch([] { Tensor::empty({std::int64_t{1} << 60}, p8); }); }), "nothing was thrown") << "no memory left";
    }
}

TEST(OneLaunch, OneWithinAnotherIsAPartOfIt) {
    OneLaunch outer, inner;
    for (int i = 0; i < 3; ++i) {
        Tensor y;
        outer([&] {
            y = Tensor::full({10}, i);
            inner([&] { y = core::unary(Unary::neg, y); });
            y = core::unary(Unary::square, y);
        });
        EXPECT_EQ(y.to_vector(), std::vector<float>(10, static_cast<float>(i * i)));
    }
}

// Another thread's calls wait for their turn and see the device as it then is.
TEST(OneLaunch, OtherThreadsMayUseTheDevice) {
    OneLaunch one_launch;
    std::atomic<int> wrong{0};
    std::atomic<bool> stop{false};
    std::thread other([&] {
        for (int i = 0; !stop; ++i) {
            const Tensor x = Tensor::full({1000}, i % 50), y = core::binary(Binary::add, x, x);
            if (y.to_vector() != std::vector<float>(1000, static_cast<float>(2 * (i % 50)))) ++wrong;
        }
    });
    for (int i = 0; i < 200; ++i) {
        Tensor y;
        one_launch([&] {
            const Tensor x = Tensor::full({1000}, i);
            y = core::binary(Binary::sub, core::binary(Binary::add, x, x), x);
        });
        if (y.to_vector() != std::vector<float>(1000, static_cast<float>(i))) ++wrong;
    }
    stop = true;
    other.join();
    EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace taper
