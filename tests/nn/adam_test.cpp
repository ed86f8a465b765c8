// Adam and AdamW on modules: what they pass to the step, their state, parameter groups, the compensated update.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "support.h"

namespace taper::nn {
namespace {

using tests::error_of;
using tests::p16;
using tests::p8;

struct Pair : Module {
    Parameter &weight, &bias;
    Pair() : weight(add_parameter("w", made(500, 11))), bias(add_parameter("b", made(7, 12))) {}
    static Tensor made(std::int64_t count, std::uint64_t seed) {
        Generator generator(seed);
        return uniform({count}, -1, 1, {}, default_device(), generator);
    }
    // The same gradients for the same `step`.
    void set_gradients(std::uint64_t step) {
        Generator generator(100 + step);
        for (const auto& [name, parameter] : parameters())
            if (parameter->variable.requires_grad())
                parameter->variable.set_grad(uniform(parameter->variable.shape(), -0.5, 0.5, parameter->precision.gradients.format, default_device(), generator));
    }

  protected:
    Variable forward(const Variable& x) override { return mul(x, weight.variable); }
};

const Target stochastic{p16, Rounding::stochastic};
const Precision mixed{.weights = {p8, Rounding::stochastic}, .gradients = p8, .master = stochastic, .state = stochastic};

// tests/core proves the numbers of the steps; here they get what was chosen.
void check_step(const AdamOptions& options, bool decoupled) {
    Pair model;
    model.set_precision(mixed);
    model.bias.variable.set_requires_grad(false);
    std::unique_ptr<Adam> adam = decoupled ? std::make_unique<AdamW>(model.parameters(), options) : std::make_unique<Adam>(model.parameters(), options);
    const core::StepWeights weights{model.weight.variable.value().clone(), model.weight.master.clone(),
                                    options.compensated ? Tensor::zeros({500}, p16) : Tensor()};
    Tensor mean = Tensor::zeros({500}, p16), square = Tensor::zeros({500}, p16);
    core::AdamStep step{
        .lr = options.lr, .beta1 = options.beta1, .beta2 = options.beta2, .eps = options.eps, .weight_decay = options.weight_decay, .decoupled = decoupled};
    step.rounding = options.rounding;
    step.master_rounding = step.weight_rounding = step.state_rounding = Rounding::stochastic;
    seed(step.seed = 5);
    for (step.t = 1; step.t <= 3; ++step.t) {
        model.set_gradients(static_cast<std::uint64_t>(step.t));
        adam->step();
        core::adam_step(weights, mean, square, model.weight.variable.grad(), step);
        EXPECT_EQ(model.weight.variable.value().codes(), weights.weight.codes());
        EXPECT_EQ(model.weight.master.codes(), weights.master.codes());
        const NamedTensors state = adam->state();
        EXPECT_EQ(state.at("mean.w").codes(), mean.codes());
        EXPECT_EQ(state.at("square.w").codes(), square.codes());
        EXPECT_EQ(state.at("step.w").item(), static_cast<double>(step.t));
        EXPECT_EQ(state.count("compensation.w"), options.compensated ? 1u : 0u);
        if (options.compensated) {
            EXPECT_EQ(state.at("compensation.w").codes(), weights.compensation.codes());
        }
        const bool results = options.rounding == core::StepRounding::results;
        step.stream += (results ? 4u : 19u) + (options.compensated ? (results ? 1u : 3u) : 0u);
        EXPECT_EQ(default_generator().stream(), step.stream);
    }
}

TEST(Adam, PassesItsChoicesToTheStep) {
    for (const core::StepRounding rounding : {core::StepRounding::results, core::StepRounding::every_operation, core::StepRounding::fused})
        for (const bool decoupled : {false, true})
            for (const bool compensated : {false, true})
                check_step({.lr = 0.01, .beta1 = 0.8, .beta2 = 0.99, .eps = 1e-6, .weight_decay = 0.1, .rounding = rounding, .compensated = compensated},
                           decoupled);
}

TEST(Adam, CountsTheStepsOfEachParameter) {
    Pair model;
    Adam adam(model.parameters());
    model.bias.variable.set_requires_grad(false);
    model.set_gradients(1);
    adam.step();
    model.bias.variable.set_requires_grad(true);
    model.set_gradients(2);
    const auto before = model.bias.variable.value().to_vector(), gradient = model.bias.variable.grad().to_vector();
    adam.step();
    EXPECT_EQ(adam.state().at("step.w").item(), 2);
    EXPECT_EQ(adam.state().at("step.b").item(), 1);
    // A first step is lr in the direction of the sign.
    const auto after = model.bias.variable.value().to_vector();
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(after[i] - before[i], gradient[i] > 0 ? -1e-3 : 1e-3, 1e-6);
}

TEST(Adam, GroupsHaveOptionsOfTheirOwn) {
    const AdamOptions first{.lr = 0.01, .weight_decay = 0.1}, second{.lr = 0.002, .rounding = core::StepRounding::fused, .compensated = true};
    Pair grouped, apart;
    grouped.set_precision({.weights = p8, .gradients = p8, .master = p16, .state = p16});
    apart.set_precision(grouped.precision());
    AdamW adam({{{{"w", &grouped.weight}}, first}, {{{"b", &grouped.bias}}, second}});
    AdamW of_weight({{"w", &apart.weight}}, first), of_bias({{"b", &apart.bias}}, second);
    for (std::uint64_t step = 0; step < 4; ++step) {
        grouped.set_gradients(step), apart.set_gradients(step);
        adam.set_learning_rate(step < 2 ? 0.01 : 0.005);  // the second keeps a fifth of it
        of_weight.set_learning_rate(step < 2 ? 0.01 : 0.005);
        of_bias.set_learning_rate((step < 2 ? 0.01 : 0.005) * (0.002 / 0.01));
        EXPECT_EQ(adam.learning_rate(1), of_bias.learning_rate());
        adam.step(), of_weight.step(), of_bias.step();
        EXPECT_EQ(grouped.weight.master.codes(), apart.weight.master.codes());
        EXPECT_EQ(grouped.bias.master.codes(), apart.bias.master.codes());
    }
    EXPECT_EQ(adam.settings(), (Metadata{{"1.compensated", "yes"}, {"1.rounding", "fused"}, {"decoupled", "yes"}}));
    EXPECT_TRUE(adam.state().count("compensation.b"));
    EXPECT_FALSE(adam.state().count("compensation.w"));
    EXPECT_EQ(error_of([&] {
                  Adam(ParameterGroups<AdamOptions>{{{{"w", &grouped.weight}}, first}, {{{"w", &grouped.weight}}, second}});
              }),
              "Adam: a parameter comes twice: w (want each in one group)");
    EXPECT_EQ(error_of([&] {
                  Adam(ParameterGroups<AdamOptions>{{{{"w", &grouped.weight}}, {.lr = 0}}, {{{"b", &grouped.bias}}, second}});
              }),
              "Adam: no ratio of learning rates: the first group's is 0 (want another one)");
}

TEST(Adam, StateRestoresAndErrorsName) {
    Pair a, b;
    const AdamOptions options{.compensated = true};
    seed(3);
    a.set_precision(mixed), b.set_precision(mixed);
    Adam first(a.parameters(), options), second(b.parameters(), options);
    for (std::uint64_t step = 0; step < 3; ++step) a.set_gradients(step), first.step();
    const tests::TemporaryFolder folder;
    save_checkpoint(folder.path / "a.st", a, first, {.epoch = 1});
    load_checkpoint(folder.path / "a.st", b, second);
    EXPECT_EQ(second.steps(), 3);
    const auto stream = default_generator().stream();
    a.set_gradients(3), first.step();
    default_generator().set(3, stream);
    b.set_gradients(3), second.step();
    EXPECT_EQ(tests::all_codes(a, first), tests::all_codes(b, second));

    NamedTensors state = first.state();
    state["velocity.w"] = Tensor::zeros({500}, p16);
    EXPECT_EQ(error_of([&] { second.load(state); }),
              "Adam: unknown tensor: velocity.w (want steps and mean.NAME, square.NAME, compensation.NAME of its parameters)");
    state = first.state();
    state["square.w"] = Tensor::zeros({500}, p8);
    EXPECT_EQ(error_of([&] { second.load(state); }), "Adam: square differs: square.w is [500] in posit(8,2) (want [500] in posit(16,2))");
    state = first.state();
    state.erase("mean.b");
    EXPECT_EQ(error_of([&] { second.load(state); }), "Adam: a tensor is missing: step.b and mean.b come together (want both or neither)");
    state = first.state();
    state["step.b"] = Tensor::zeros({}, Format::float64());
    EXPECT_NE(error_of([&] { second.load(state); }).find("Adam: not a count: step.b"), std::string::npos);
    EXPECT_EQ(error_of([&] { Adam(a.parameters(), {.beta1 = 1}); }), "Adam: a beta out of range: 1 (want 0 <= beta < 1)");
    AdamW other(b.parameters(), options);
    EXPECT_NE(error_of([&] { load_checkpoint(folder.path / "a.st", b, other); }).find("load_checkpoint: another optimizer"), std::string::npos);
    EXPECT_EQ(tests::all_codes(a, first), tests::all_codes(b, second));  // refused loads changed nothing
}

TEST(Sgd, CompensationKeepsSmallUpdates) {
    const Format bf16 = Format::parse("bf16");
    for (const core::StepRounding rounding : {core::StepRounding::results, core::StepRounding::every_operation, core::StepRounding::fused}) {
        for (const bool compensated : {false, true}) {
            Pair model;
            model.set_precision({.weights = bf16, .gradients = bf16, .master = bf16, .state = bf16});
            model.weight.assign(Tensor::full({500}, 1));
            Sgd sgd({{"w", &model.weight}}, {.lr = 0x1p-12, .rounding = rounding, .compensated = compensated});
            for (int step = 0; step < 64; ++step) {
                model.weight.variable.set_grad(Tensor::full({500}, -1, bf16));
                sgd.step();
            }
            EXPECT_NEAR(model.weight.variable.value().number(0).value(), compensated ? 1 + 64 * 0x1p-12 : 1, compensated ? 0x1p-8 : 0);
            EXPECT_EQ(sgd.state().count("compensation.w"), compensated ? 1u : 0u);
        }
    }
}

}  // namespace
}  // namespace taper::nn
