// What backward() rounds, where and how often: against Number's rounding of values known in float64.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include <taper/formats/error.h>

#include "autograd/ops_of_tests.h"
#include "support/throws.h"

namespace taper {
namespace {

using namespace tests;

const Format p8 = Format::posit(8, 2), p16 = Format::posit(16, 2), f32 = Format::float32(), f64 = Format::float64();

// Just above the middle between 1 and 1.125 in posit(8,2); in float32 the 2^-30 is lost, and the tie goes to 1.
const double above_tie = 1.0625 + 0x1p-30;

double first(const Variable& x) { return x.grad().to_vector_double().at(0); }

TEST(Backward, SoleContributionIsRoundedOnceIntoTheTarget) {
    const std::vector<double> values{above_tie, 0.3, -77.7, 1e-9, 1e9, 0};
    for (const Format& format : {p8, p16, Format::minifloat(4, 3), f32, Format::posit(32, 2)}) {
        const Variable x = Variable::leaf(Tensor::zeros({6}), format);
        backward(sends(x, values));
        ASSERT_EQ(x.grad().format(), format);
        for (int i = 0; i < 6; ++i) EXPECT_EQ(x.grad().number(i), Number::from(values[static_cast<std::size_t>(i)], format)) << format.name() << " " << i;
    }
}

TEST(Backward, SeveralContributionsAreAddedInTheComputeTypeAndRoundedOnce) {
    const Variable x = Variable::leaf(Tensor::zeros({1}), p8);
    backward(add(sends(x, {1.05}), sends(x, {0.03})));
    EXPECT_EQ(first(x), r(static_cast<double>(1.05F + 0.03F), p8));
    EXPECT_NE(first(x), r(r(1.05, p8) + r(0.03, p8), p8));  // what rounding each first would give
    const Variable z = Variable::leaf(Tensor::zeros({1}), p8);
    const Variable y = quantize(z, p16);  // a result with several readers is rounded the same way
    backward(add(sends(y, {1.05}), sends(y, {0.03})));
    EXPECT_EQ(first(z), 1.125);
}

TEST(Backward, ContributionsAreAddedFromTheLastReaderToTheFirst) {
    const Variable x = Variable::leaf(Tensor::zeros({1}));
    const Variable one = sends(x, {1}), two = sends(x, {0x1p-24}), three = sends(x, {0x1p-24});
    backward(add(add(three, one), two));
    EXPECT_EQ(first(x), 1 + 0x1p-23);  // (2^-24 + 2^-24) + 1; from the first reader on it would be 1
}

TEST(Backward, ContributionsOfWideFormatsAreAddedInFloat64) {
    const Variable x = Variable::leaf(Tensor::zeros({1}), Format::posit(32, 2));
    backward(add(sends(x, {1}), sends(x, {0x1p-26})));
    EXPECT_EQ(first(x), 1 + 0x1p-26);
}

TEST(Backward, OneOpReadingAVariableTwiceContributesTwice) {
    const Variable x = Variable::leaf(vector_of({3}, f32));
    backward(mul(x, x));
    EXPECT_EQ(first(x), 6);
}

TEST(Backward, ResultsInheritTheNamedTargetOfTheirFirstInputThatRequiresOne) {
    const Variable x = Variable::leaf(vector_of({1, 2}, f32), p8), w = Variable::leaf(vector_of({1, 2}, f32), p16);
    EXPECT_EQ(mul(Tensor::full({2}, 2), mul(w, x)).gradient_target(), Target(p16));
    EXPECT_EQ(mul(x, w).gradient_target(), Target(p8));
    const Variable plain = Variable::leaf(vector_of({1, 2}, f32));
    EXPECT_EQ(relu(plain).gradient_target(), Target(f32));
    EXPECT_EQ(to(plain, f64).gradient_target(), Target(f64));  // no target named: the compute type of the result itself
}

TEST(Backward, AResultsOwnTargetIsWhereItsGradientIsRounded) {
    const Variable x = Variable::leaf(vector_of({1}, f32));
    Variable y = scale(x, 1);
    y.set_gradient_target(p8);
    backward(sends(y, {above_tie}));
    EXPECT_EQ(first(x), 1.125);
}

TEST(Backward, LossScaleIsTakenBackBeforeTheOneRounding) {
    const Variable x = Variable::leaf(Tensor::zeros({1}), p8);
    backward(sends(x, {1.07}), {.loss_scale = 1000});
    EXPECT_EQ(first(x), 1.125);
    EXPECT_NE(r(r(1070, p8) / 1000, p8), 1.125);  // what rounding the scaled gradient would give
}

TEST(Backward, LossScaleKeepsSmallGradientsOfResultsAlive) {
    const Format p8_0 = Format::posit(8, 0);  // smallest positive value 2^-6
    const Variable x = Variable::leaf(vector_of({1}, f32));
    Variable y = scale(x, 1);
    y.set_gradient_target(p8_0);
    backward(sends(y, {0x1.8p-10}), {.loss_scale = 1024});
    EXPECT_EQ(first(x), 0x1.8p-10);
}

TEST(Backward, AccumulateHoldsTheSumUnrounded) {
    const Variable x = Variable::leaf(Tensor::zeros({1}), p8);
    backward(sends(x, {1.05}), {.accumulate = true});
    EXPECT_EQ(x.grad().format(), f32);
    EXPECT_EQ(first(x), static_cast<double>(1.05F));
    backward(sends(x, {0.03}), {.loss_scale = 4, .accumulate = true});
    EXPECT_EQ(x.grad().format(), f32);
    EXPECT_EQ(first(x), static_cast<double>(1.05F + 0.03F));
}

TEST(Backward, AGradientThatIsThereIsAnErrorUnlessAccumulating) {
    Variable x = Variable::leaf(Tensor::zeros({1}), p8);
    backward(sends(x, {1}));
    EXPECT_EQ(error_of([&] { backward(sends(x, {1})); }), "backward: a leaf has a gradient already: float32 [1] (want zero_grad() before, or accumulate)");
    EXPECT_EQ(first(x), 1);
    x.zero_grad();
    backward(sends(x, {2}));
    EXPECT_EQ(first(x), 2);
}

TEST(Backward, ASecondPassIsAnError) {
    Variable x = Variable::leaf(vector_of({2}, f32));
    const Variable y = square(x), loss = sum(y);
    backward(loss);
    x.zero_grad();
    EXPECT_EQ(error_of([&] { backward(loss); }), "backward: an earlier pass freed the graph: at sum [] (want a new forward pass)");
    EXPECT_EQ(error_of([&] { backward(sum(y)); }), "backward: an earlier pass freed the graph: at square [1] (want a new forward pass)");
    EXPECT_FALSE(x.grad().defined());
}

TEST(Backward, ARetainedGraphServesAgain) {
    Variable x = Variable::leaf(vector_of({3}, f32));
    const Variable y = square(x), loss = sum(y * y);
    backward(loss, {.retain_graph = true});
    EXPECT_EQ(first(x), 4 * 27);
    backward(loss, {.accumulate = true, .retain_graph = true});
    EXPECT_EQ(first(x), 2 * 4 * 27);
    x.zero_grad();
    backward(sum(y));  // another loss over the same graph, which this pass frees
    EXPECT_EQ(first(x), 6);
    x.zero_grad();
    EXPECT_EQ(error_of([&] { backward(loss); }), "backward: an earlier pass freed the graph: at square [1] (want a new forward pass)");
}

TEST(Backward, HooksSeeTheCompleteGradientAndMayReplaceIt) {
    Variable x = Variable::leaf(vector_of({1, 2}, f32), p8);
    Variable y = scale(x, 1);
    y.set_gradient_target(p8);
    std::vector<double> seen_y, seen_x;
    std::vector<std::string> formats;
    y.add_hook([&](const Tensor& dy) {
        seen_y = dy.to_vector_double();
        formats.push_back(dy.format().name());
        return Tensor();
    });
    const std::uint64_t doubling = y.add_hook([](const Tensor& dy) { return core::unary(Unary::scale, dy.to(f32), 2); });
    x.add_hook([&](const Tensor& dx) {
        seen_x = dx.to_vector_double();
        formats.push_back(dx.format().name());
        return vector_of({0.3, 5}, Format::float64());
    });
    const Variable loss = add(sends(y, {0.53, 1}), sends(y, {0.5, 0}));
    backward(loss, {.loss_scale = 4, .retain_graph = true});
    EXPECT_EQ(seen_y, (std::vector<double>{r(4 * (0.53 + 0.5), p8), 4}));  // two contributions, rounded once
    EXPECT_EQ(seen_x, (std::vector<double>{r(2 * seen_y[0] / 4, p8), 2}));
    EXPECT_EQ(formats, (std::vector<std::string>{"posit(8,2)", "posit(8,2)"}));
    EXPECT_EQ(x.grad().to_vector_double(), (std::vector<double>{r(0.3, p8), 5}));
    EXPECT_EQ(x.grad().format(), p8);
    y.remove_hook(doubling);
    y.remove_hook(doubling);
    x.zero_grad();
    backward(loss);
    EXPECT_EQ(seen_x[1], 1);
}

TEST(Backward, RoundingHooksSeeTheGradientBeforeAndAfterItsRounding) {
    using Pair = std::pair<std::vector<double>, std::vector<double>>;
    const auto seen_at = [](Variable& v, Pair& seen) {
        return v.add_rounding_hook([&](const Tensor& before, const Tensor& after) {
            EXPECT_EQ(before.format(), f32);
            seen = {before.to_vector_double(), after.to_vector_double()};
        });
    };
    Pair x_seen, y_seen;
    Variable x = Variable::leaf(Tensor::zeros({2}), p8);
    const std::uint64_t hook = seen_at(x, x_seen);
    backward(sends(x, {0.3, 1e-30}));  // the op rounds
    EXPECT_EQ(x_seen, (Pair{{0.3F, 1e-30F}, {r(0.3, p8), p8.min_positive()}}));
    x.zero_grad();
    backward(add(sends(x, {1.05, 0}), sends(x, {0.03, 0})));  // backward() rounds
    EXPECT_EQ(x_seen, (Pair{{static_cast<double>(1.05F + 0.03F), 0}, {r(static_cast<double>(1.05F + 0.03F), p8), 0}}));
    x.zero_grad();
    Variable y = scale(x, 3);
    y.set_gradient_target(Format::fixed(8, 4));
    seen_at(y, y_seen);
    y.add_hook([](const Tensor& dy) { return core::unary(Unary::scale, dy, 2); });
    backward(sends(y, {0.3, 0.01}), {.loss_scale = 4});
    EXPECT_EQ(y_seen, (Pair{{4 * 0.3F, 4 * 0.01F}, {1.1875, 0.0625}}));
    EXPECT_EQ(x_seen, (Pair{{3 * 2 * 1.1875 / 4, 3 * 2 * 0.0625 / 4}, {r(3 * 2 * 1.1875 / 4, p8), r(3 * 2 * 0.0625 / 4, p8)}}));
    x.zero_grad();
    backward(sends(x, {0.3, 1}), {.accumulate = true});  // nothing is rounded yet
    EXPECT_EQ(x_seen, (Pair{{0.3F, 1}, {0.3F, 1}}));
    x.remove_hook(hook);
    x.zero_grad();
    backward(sends(x, {5, 5}));
    EXPECT_EQ(x_seen, (Pair{{0.3F, 1}, {0.3F, 1}}));
}

TEST(Backward, RoundingHooksChangeNoDraw) {
    std::vector<std::vector<std::uint64_t>> codes;
    for (const bool watched : {false, true}) {
        seed(4);
        Variable x = Variable::leaf(randn({4, 8}), Target(p8, Rounding::stochastic)), w = Variable::leaf(randn({8, 8}), Target(p8, Rounding::stochastic));
        Variable y = matmul(x, w, {.output = Target(p16), .backward_data = Accumulator::parse("rounded(posit(16,2),stochastic)")});
        y.set_gradient_target(Target(p8, Rounding::stochastic));
        int calls = 0;
        if (watched)
            for (Variable v : {x, w, y}) v.add_rounding_hook([&](const Tensor& before, const Tensor& after) { calls += before.format() != after.format(); });
        backward(sum(square(y)));
        EXPECT_EQ(calls, watched ? 3 : 0);
        codes.push_back(x.grad().codes());
        codes.push_back(w.grad().codes());
        codes.push_back({default_generator().stream()});
    }
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(codes[i], codes[i + 3]);
}

TEST(Backward, HooksThatCannotBeAreErrors) {
    Variable x = Variable::leaf(Tensor::zeros({2})), constant = Tensor::zeros({2});
    EXPECT_EQ(error_of([&] { constant.add_hook([](const Tensor& dy) { return dy; }); }), "add_hook: the Variable is a constant (want one that requires a gradient)");
    EXPECT_EQ(error_of([&] { x.add_hook({}); }), "add_hook: the function is empty");
    EXPECT_EQ(error_of([&] { constant.add_rounding_hook([](const Tensor&, const Tensor&) {}); }),
              "add_rounding_hook: the Variable is a constant (want one that requires a gradient)");
    EXPECT_EQ(error_of([&] { x.add_rounding_hook({}); }), "add_rounding_hook: the function is empty");
    constant.remove_hook(1);
    x.add_hook([](const Tensor&) { return Tensor::zeros({3}); });
    EXPECT_EQ(error_of([&] { backward(sum(x)); }), "backward: a hook changed the shape of a gradient: [3] came (want [2])");
}

TEST(Backward, WhatCannotBeDifferentiatedIsAnError) {
    const Variable x = Variable::leaf(Tensor::zeros({2}));
    EXPECT_EQ(error_of([&] { backward(x); }), "backward: the loss is not a scalar: [2] (want one element)");
    const std::string constant = "backward: the loss requires no gradient (want one computed from a leaf that does, outside NoGrad)";
    EXPECT_EQ(error_of([&] { backward(sum(x.detach())); }), constant);
    EXPECT_EQ(error_of([&] { backward(sum(x), {.loss_scale = 0}); }), "backward: loss_scale is not a positive number: 0");
    EXPECT_EQ(error_of([&] { backward(sum(x), {.loss_scale = INFINITY}); }), "backward: loss_scale is not a positive number: inf");
    NoGrad guard;
    EXPECT_EQ(error_of([&] { backward(sum(x)); }), constant);
}

TEST(Backward, AWrongAnswerOfAGradientFunctionIsAnErrorThatNamesTheOp) {
    const Variable x = Variable::leaf(Tensor::zeros({2}), p8);
    const auto answers = [&](const std::vector<Tensor>& gradients) {
        return error_of([&] {
            backward(make_result("mine", Tensor::zeros({}), {x},
                                 [&]() -> GradientFunction { return [gradients](const Tensor&, const auto&) { return gradients; }; }));
        });
    };
    EXPECT_EQ(answers({}), "backward of mine: wrong number of gradients: 0 (want one per input: 1)");
    EXPECT_EQ(answers({Tensor()}), "backward of mine: the gradient of input 0 is not what was asked for: nothing (want posit(8,2) [2])");
    EXPECT_EQ(answers({Tensor::zeros({2})}), "backward of mine: the gradient of input 0 is not what was asked for: float32 [2] (want posit(8,2) [2])");
    EXPECT_EQ(answers({Tensor::zeros({3}, p8)}), "backward of mine: the gradient of input 0 is not what was asked for: posit(8,2) [3] (want posit(8,2) [2])");
}

TEST(Backward, StochasticTargetsDrawForEachElementAndRepeatWithTheSeed) {
    const std::int64_t n = 20000;
    const auto gradient = [&](std::uint64_t seed_value) {
        seed(seed_value);
        const Variable x = Variable::leaf(Tensor::zeros({n}), Target(p8, Rounding::stochastic));
        Variable total = sum(x);
        total.set_gradient_target(f32);
        backward(scale(total, 1.05));
        return x.grad().to_vector();
    };
    const std::vector<float> g = gradient(1);
    double up = 0;
    for (float v : g) {
        ASSERT_TRUE(v == 1.0F || v == 1.125F) << v;
        up += v == 1.125F ? 1 : 0;
    }
    const double p = (static_cast<double>(1.05F) - 1) / 0.125;
    EXPECT_NEAR(up / n, p, 4 * std::sqrt(p * (1 - p) / n));
    EXPECT_EQ(g, gradient(1));
    EXPECT_NE(g, gradient(2));
}

TEST(Backward, NarReachesTheLeavesInEveryPath) {
    const double nan = std::nan("");
    const auto is_nar = [](const Variable& x) { return x.grad().number(0).is_nan() && x.grad().number(1).value() == 0; };
    const Variable sole = Variable::leaf(Tensor::zeros({2}), p8), several = Variable::leaf(Tensor::zeros({2}), p8),
                   scaled = Variable::leaf(Tensor::zeros({2}), p8);
    backward(sends(sole, {nan, 0}));
    backward(add(sends(several, {nan, 0}), sends(several, {1, 0})));
    backward(sends(scaled, {nan, 0}), {.loss_scale = 1000});
    EXPECT_TRUE(is_nar(sole) && is_nar(several) && is_nar(scaled));
}

}  // namespace
}  // namespace taper
