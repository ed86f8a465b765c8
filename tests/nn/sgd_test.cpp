// Sgd against a scalar reference, its state, schedules, and what it leaves alone.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support.h"

namespace taper::nn {
namespace {

using tests::error_of;
using tests::p16;
using tests::p8;

float rounded(float x, const Format& format) { return Tensor::from({x}, {1}, format).to_vector()[0]; }

// One parameter of a module of its own.
struct Single : Module {
    Parameter& weight;
    explicit Single(const Tensor& initial) : weight(add_parameter("w", initial)) {}

  protected:
    Variable forward(const Variable& x) override { return mul(x, weight.variable); }
};

// Scalar state and step, in float32 without fused multiply-adds, results rounded: master, weight from master, velocity.
struct Reference {
    std::vector<float> master, weight, velocity;
    Precision precision;
    SgdOptions options;
    bool first = true;

    Reference(const std::vector<float>& initial, const Precision& p, const SgdOptions& o) : precision(p), options(o) {
        for (const float x : initial) {
            master.push_back(rounded(x, p.master.format));
            weight.push_back(rounded(master.back(), p.weights.format));
        }
        velocity.resize(initial.size());
    }
    void step(const std::vector<float>& gradient) {
        const float lr = static_cast<float>(options.lr), mu = static_cast<float>(options.momentum), decay = static_cast<float>(options.weight_decay);
        for (std::size_t i = 0; i < master.size(); ++i) {
            float g = gradient[i];
            const float decayed = decay * master[i];
            g = g + decayed;
            float v = g;
            if (!first) {
                const float kept = mu * velocity[i];
                v = kept + g;
            }
            float direction = mu != 0 ? v : g;
            if (options.nesterov) {
                const float ahead = mu * v;
                direction = g + ahead;
            }
            const float change = lr * direction;
            master[i] = rounded(master[i] - change, precision.master.format);
            weight[i] = rounded(master[i], precision.weights.format);
            velocity[i] = rounded(v, precision.state.format);
        }
        first = false;
    }
};

void compare(const Precision& precision, const SgdOptions& options) {
    constexpr std::int64_t count = 999;
    Generator generator(11);
    const auto initial = uniform({count}, -1, 1, {}, default_device(), generator).to_vector();
    Single model(Tensor::from(initial, {count}));
    model.set_precision(precision);
    Sgd sgd(model.parameters(), options);
    Reference reference(initial, precision, options);
    for (int step = 0; step < 6; ++step) {
        const Tensor gradient = uniform({count}, -0.5, 0.5, precision.gradients.format, default_device(), generator);
        model.weight.variable.set_grad(gradient);
        sgd.set_learning_rate(reference.options.lr = options.lr / (1 + step));
        sgd.step();
        reference.step(gradient.to_vector());
        EXPECT_EQ(model.weight.variable.value().to_vector(), reference.weight) << "step " << step;
        EXPECT_EQ(model.weight.most_precise().to_vector(), reference.master) << "step " << step;
        if (options.momentum != 0) {
            EXPECT_EQ(sgd.state().at("velocity.w").to_vector(), reference.velocity) << "step " << step;
        }
    }
    EXPECT_EQ(sgd.steps(), 6);
    EXPECT_EQ(sgd.state().count("velocity.w"), options.momentum != 0 ? 1u : 0u);
}

TEST(Sgd, EqualsTheScalarReference) {
    const std::vector<SgdOptions> many{{.lr = 0.1},
                                       {.lr = 0.1, .weight_decay = 0.01},
                                       {.lr = 0.0625, .momentum = 0.5},
                                       {.lr = 0.1, .momentum = 0.9, .weight_decay = 5e-4},
                                       {.lr = 0.1, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = true}};
    for (const SgdOptions& options : many) {
        compare({}, options);
        compare({.weights = p8, .gradients = p8, .master = p16, .state = p16}, options);
        compare({.weights = p8, .gradients = p8, .state = p16}, options);
        compare({.weights = p16, .gradients = p8, .master = p16, .state = p8}, options);
        compare({.weights = p8, .gradients = p8, .master = p8, .state = p8}, options);
        compare({.weights = {p8, Rounding::zero}, .gradients = p8, .master = p8, .state = p8}, options);  // one rounding, the master's
        compare({.weights = Format::parse("e4m3"), .gradients = Format::parse("e5m2"), .master = Format::parse("bf16"), .state = Format::parse("fp16")},
                options);
    }
}

TEST(Sgd, StochasticRoundingsDrawFromTheDefaultGenerator) {
    const Target stochastic{p16, Rounding::stochastic};
    const auto run = [&](std::uint64_t seed_value) {
        Generator generator(11);
        Single model(uniform({500}, -1, 1, {}, default_device(), generator));
        seed(seed_value);
        model.set_precision({.weights = {p8, Rounding::stochastic}, .gradients = p8, .master = stochastic, .state = stochastic});
        Sgd sgd(model.parameters(), {.lr = 0.01, .momentum = 0.9});
        for (int step = 0; step < 3; ++step) {
            model.weight.variable.set_grad(uniform({500}, -0.5, 0.5, p8, default_device(), generator));
            sgd.step();
        }
        return tests::all_codes(model, sgd);
    };
    EXPECT_EQ(run(1), run(1));
    EXPECT_NE(run(1), run(2));
}

// tests/core/sgd_operations_test.cpp proves the numbers of the steps that round every operation; here they get what was chosen.
TEST(Sgd, PassesTheRoundingOfTheStepOn) {
    const Target stochastic{p16, Rounding::stochastic};
    const Precision precision{.weights = {p8, Rounding::stochastic}, .gradients = p8, .master = stochastic, .state = stochastic};
    for (const core::StepRounding rounding : {core::StepRounding::results, core::StepRounding::every_operation, core::StepRounding::fused}) {
        Generator generator(11);
        Single model(uniform({500}, -1, 1, {}, default_device(), generator));
        model.set_precision(precision);
        Tensor weight = model.weight.variable.value().clone(), master = model.weight.master.clone(), velocity = Tensor::zeros({500}, p16);
        Sgd sgd(model.parameters(), {.lr = 0.01, .momentum = 0.9, .weight_decay = 0.1, .rounding = rounding});
        core::SgdStep step{.lr = 0.01, .momentum = 0.9, .weight_decay = 0.1, .first = true, .rounding = rounding};
        step.master_rounding = step.weight_rounding = step.state_rounding = Rounding::stochastic;
        seed(step.seed = 5);
        for (int i = 0; i < 3; ++i) {
            const Tensor gradient = uniform({500}, -0.5, 0.5, p8, default_device(), generator);
            model.weight.variable.set_grad(gradient);
            sgd.step();
            core::sgd_step({weight, master}, velocity, gradient, step);
            EXPECT_EQ(model.weight.variable.value().codes(), weight.codes());
            EXPECT_EQ(model.weight.master.codes(), master.codes());
            EXPECT_EQ(sgd.state().at("velocity.w").codes(), velocity.codes());
            step.first = false;
            step.stream += rounding == core::StepRounding::results ? 3 : 10;
            EXPECT_EQ(default_generator().stream(), step.stream);
        }
    }
}

// Updates far below half a step vanish with nearest rounding and survive on average with stochastic rounding.
TEST(Sgd, StochasticMasterKeepsSmallUpdates) {
    const auto mean_after = [](Rounding rounding) {
        seed(4);
        Single model(Tensor::full({2000}, 1));
        model.set_precision({.weights = p8, .master = {p16, rounding}});
        Sgd sgd(model.parameters(), {.lr = 1e-5});
        for (int step = 0; step < 20; ++step) {
            model.weight.variable.set_grad(Tensor::full({2000}, -1));
            sgd.step();
        }
        double mean = 0;
        for (const float v : model.weight.master.to_vector()) mean += v / 2000.0;
        return mean;
    };
    EXPECT_NEAR(mean_after(Rounding::nearest), 1, 1e-12);
    EXPECT_NEAR(mean_after(Rounding::stochastic), 1.0002, 5e-5);
}

TEST(Sgd, SkipsWhatIsFrozenOrHasNoGradient) {
    Single model(Tensor::full({3}, 1));
    Sgd sgd(model.parameters(), {.lr = 0.5, .momentum = 0.9});
    sgd.step();
    EXPECT_EQ(model.weight.variable.value().to_vector(), (std::vector<float>{1, 1, 1}));
    model.weight.variable.set_grad(Tensor::full({3}, 1));
    model.weight.variable.set_requires_grad(false);
    sgd.step();
    EXPECT_EQ(model.weight.variable.value().to_vector(), (std::vector<float>{1, 1, 1}));
    EXPECT_FALSE(sgd.state().count("velocity.w"));
    model.weight.variable.set_requires_grad(true);
    sgd.step();
    EXPECT_EQ(model.weight.variable.value().to_vector(), (std::vector<float>{0.5, 0.5, 0.5}));
    sgd.zero_grad();
    EXPECT_FALSE(model.weight.variable.grad().defined());
}

// Three micro-batches: their gradients are summed in float32, scaled, and rounded once.
TEST(Sgd, RoundsAccumulatedGradientsOnce) {
    Single model(Tensor::full({4}, 0));
    model.set_precision({.inputs = p16, .weights = p16, .gradients = p8, .master = p16});
    const std::vector<Tensor> inputs{Tensor::from({1.03f, 0.2f, 3.3f, -0.7f}, {4}, p16), Tensor::from({0.01f, 0.3f, -3.2f, 0.07f}, {4}, p16),
                                     Tensor::from({0.02f, 0.7f, 0.01f, 0.9f}, {4}, p16)};
    std::vector<float> total(4);
    for (const Tensor& x : inputs) {
        backward(sum(model(x)), {.accumulate = true});
        for (std::size_t i = 0; i < 4; ++i) total[i] += x.to_vector()[i];
    }
    EXPECT_EQ(model.weight.variable.grad().format(), Format::float32());
    Sgd sgd(model.parameters(), {.lr = 1});
    const float third = static_cast<float>(1.0 / 3);
    sgd.step(1.0 / 3);
    std::vector<float> expected;
    for (const float t : total) expected.push_back(rounded(-rounded(t * third, p8), p16));
    EXPECT_EQ(model.weight.variable.value().to_vector(), expected);
}

TEST(Sgd, StateRestoresAndErrorsName) {
    const Precision precision{.weights = p8, .gradients = p8, .master = p16, .state = p16};
    Single a(Tensor::full({2}, 1)), b(Tensor::full({2}, 1));
    a.set_precision(precision), b.set_precision(precision);
    Sgd first(a.parameters(), {.lr = 0.1, .momentum = 0.9}), second(b.parameters(), {.lr = 0.1, .momentum = 0.9});
    const auto step = [](Single& model, Sgd& sgd) {
        model.weight.variable.set_grad(Tensor::from({0.4f, -0.3f}, {2}, p8));
        sgd.step();
    };
    step(a, first);
    b.load(a.state());
    second.load(first.state());
    EXPECT_EQ(second.steps(), 1);
    step(a, first), step(b, second);
    EXPECT_EQ(tests::all_codes(a, first), tests::all_codes(b, second));

    NamedTensors state = first.state();
    state["velocity.v"] = Tensor::zeros({2}, p16);
    EXPECT_EQ(error_of([&] { second.load(state); }), "Sgd: unknown tensor: velocity.v (want steps and velocity.NAME of its parameters)");
    state = first.state();
    state["velocity.w"] = Tensor::zeros({2}, p8);
    EXPECT_EQ(error_of([&] { second.load(state); }), "Sgd: velocity differs: velocity.w is [2] in posit(8,2) (want [2] in posit(16,2))");
    state.erase("velocity.w");
    state.erase("steps");
    EXPECT_EQ(error_of([&] { second.load(state); }), "Optimizer: a tensor is missing: steps (want shape [])");
    Sgd plain(b.parameters(), {.lr = 0.1});
    EXPECT_EQ(error_of([&] { plain.load(first.state()); }), "Sgd: unknown tensor: velocity.w (want steps alone)");
    EXPECT_EQ(error_of([&] { Sgd(b.parameters(), {.nesterov = true}); }), "Sgd: Nesterov without momentum: momentum is 0 (want more than 0)");
    EXPECT_EQ(error_of([&] { Sgd({}, {}); }), "Optimizer: nothing to update: no parameters came (want model.parameters())");
    EXPECT_EQ(tests::all_codes(a, first), tests::all_codes(b, second));  // refused loads changed nothing
}

TEST(StepLr, HalvesAfterEveryPeriod) {
    const StepLr schedule{.initial = 0.0625, .period = 4};
    std::vector<double> rates;
    for (std::int64_t epoch = 0; epoch < 10; ++epoch) rates.push_back(schedule(epoch));
    EXPECT_EQ(rates, (std::vector<double>{0.0625, 0.0625, 0.0625, 0.0625, 0.03125, 0.03125, 0.03125, 0.03125, 0.015625, 0.015625}));
}

}  // namespace
}  // namespace taper::nn
