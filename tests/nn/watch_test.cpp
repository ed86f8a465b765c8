// Watch: what a watched step sees, that it changes no bit of the training, and that its hooks go.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support.h"

namespace taper::nn {
namespace {

using tests::all_codes;
using tests::error_of;
using tests::p16;
using tests::p8;

const WatchRow* find(const std::vector<WatchRow>& rows, std::int64_t step, Watched kind, const std::string& name) {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const WatchRow& r) { return r.step == step && r.kind == kind && r.name == name; });
    return found == rows.end() ? nullptr : &*found;
}

// Reads what it is asked for, and counts calls.
struct Net : Module {
    Linear fc1{6, 5}, fc2{5, 3};
    std::vector<Tensor> hidden;
    Net() {
        add("fc1", fc1);
        add("fc2", fc2);
    }

  protected:
    Variable forward(const Variable& x) override {
        const Variable y = fc1(x);
        hidden.push_back(y.value());
        return fc2(relu(y));
    }
};

struct Step {
    Tensor x = randn({8, 6}), labels = Tensor::from(std::vector<std::int32_t>{0, 1, 2, 0, 1, 2, 0, 1}, {8});
    void operator()(Module& model, Optimizer& optimizer) const {
        optimizer.zero_grad();
        backward(cross_entropy(model(x), labels, model.precision()));
        optimizer.step();
    }
};

TEST(Watch, SeesWeightsMastersGradientsActivationsAndErrors) {
    seed(3);
    Net net;
    net.set_precision(tests::posit_precision());
    Sgd sgd(net.parameters(), {.lr = 0.1, .momentum = 0.9});
    const Step step;
    Watch watch(net);
    const Tensor weight = net.fc1.parameters()[0].second->variable.value().clone(), master = net.fc1.parameters()[0].second->master.clone();
    watch.begin_step(0);
    step(net, sgd);
    watch.observe(Watched::state, "velocity.fc1.weight", sgd.state().at("velocity.fc1.weight"));
    const std::vector<WatchRow> rows = watch.take_rows();
    // 4 parameters with masters and gradients, 3 modules with errors, and the velocity.
    EXPECT_EQ(rows.size(), 4u * 3 + 3 * 2 + 1);
    const auto expect = [&](Watched kind, const std::string& name, const Tensor& tensor) {
        const WatchRow* row = find(rows, 0, kind, name);
        ASSERT_NE(row, nullptr) << taper::nn::name(kind) << " " << name;
        EXPECT_EQ(row->statistics, core::statistics(tensor)) << name;
        EXPECT_EQ(row->format, tensor.format()) << name;
    };
    expect(Watched::weight, "fc1.weight", weight);
    expect(Watched::master, "fc1.weight", master);
    expect(Watched::gradient, "fc1.weight", net.fc1.parameters()[0].second->variable.grad());
    expect(Watched::gradient, "fc2.bias", net.fc2.parameters()[1].second->variable.grad());
    expect(Watched::activation, "fc1", net.hidden.at(0));
    expect(Watched::state, "velocity.fc1.weight", sgd.state().at("velocity.fc1.weight"));
    EXPECT_EQ(find(rows, 0, Watched::activation, "<output>")->statistics, find(rows, 0, Watched::activation, "fc2")->statistics);
    EXPECT_EQ(find(rows, 0, Watched::error, "fc2")->statistics.elements, 8 * 3);
    EXPECT_EQ(find(rows, 0, Watched::error, "fc1")->format, p8);
    EXPECT_EQ(find(rows, 0, Watched::weight, "fc1.weight")->before, core::out_of_range(master, p8));
    EXPECT_FALSE(find(rows, 0, Watched::activation, "fc1")->before);
    EXPECT_TRUE(watch.rows().empty());
}

TEST(Watch, TellsWhichMastersAreOutOfRange) {
    Net net;
    NamedTensors state = net.state();
    state["fc1.bias"] = Tensor::from({1e-6f, 1, 2000, -2000, 0}, {5});
    net.load(state);
    net.set_precision({.weights = Format::parse("e4m3,sat")});
    Watch watch(net);
    watch.begin_step(0);
    const WatchRow* row = find(watch.rows(), 0, Watched::weight, "fc1.bias");
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(row->before, (core::OutOfRange{.underflow = 1, .overflow = 2}));
    EXPECT_EQ(row->statistics.zeros, 2);
    EXPECT_EQ(row->statistics.saturated, 2);
}

// Gradients of 1e-8 and 0: in e4m3 both become 0, and only the first has underflowed.
TEST(Watch, TellsUnderflowOfGradientsFromZeros) {
    struct Scaled : Module {
        Linear fc{2, 1};
        Scaled() { add("fc", fc); }

      protected:
        Variable forward(const Variable& x) override { return fc(x); }
    } net;
    net.set_precision({.gradients = Format::parse("e4m3")});
    Watch watch(net);
    watch.begin_step(0);
    backward(sum(net(Tensor::from({1e-8f, 0}, {1, 2}))));
    const WatchRow* row = find(watch.rows(), 0, Watched::gradient, "fc.weight");
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(row->statistics.zeros, 2);
    EXPECT_EQ(row->before, (core::OutOfRange{.underflow = 1, .overflow = 0}));
    EXPECT_FALSE(find(watch.rows(), 0, Watched::error, "fc")->before);  // in float32
}

TEST(Watch, SeesChosenStepsOfTrainingAlone) {
    Net net;
    Sgd sgd(net.parameters(), {.lr = 0.1});
    const Step step;
    Watch watch(net, {.every = 3});
    std::vector<bool> watching;
    for (std::int64_t i = 0; i < 7; ++i) {
        watch.begin_step(i);
        watching.push_back(watch.watching());
        step(net, sgd);
        net.eval();
        net(step.x);
        net.train();
        NoGrad guard;
        net(step.x);
    }
    EXPECT_EQ(watching, (std::vector<bool>{true, false, false, true, false, false, true}));
    for (const WatchRow& row : watch.rows()) EXPECT_EQ(row.step % 3, 0);
    EXPECT_EQ(watch.rows().size(), 3u * (4 * 2 + 3 * 2));  // float32: no masters
    EXPECT_EQ(find(watch.rows(), 6, Watched::activation, "fc1")->statistics.elements, 8 * 5);
}

TEST(Watch, AddsUpWhatIsUsedTwice) {
    Net net;
    const Step step;
    Watch watch(net);
    watch.begin_step(0);
    for (int i = 0; i < 2; ++i) backward(cross_entropy(net(step.x), step.labels, {}), {.accumulate = true});
    const auto& rows = watch.rows();
    EXPECT_EQ(find(rows, 0, Watched::activation, "fc1")->statistics.elements, 2 * 8 * 5);
    EXPECT_EQ(find(rows, 0, Watched::error, "fc1")->statistics.elements, 2 * 8 * 5);
    EXPECT_EQ(find(rows, 0, Watched::gradient, "fc2.bias")->statistics.elements, 2 * 3);
    EXPECT_EQ(find(rows, 0, Watched::weight, "fc2.bias")->statistics.elements, 3);
}

// Errors far below the last place of fixed(8,2), twice.
TEST(Watch, AddsUpWhatUnderflowedTwice) {
    Net net;
    net.set_precision({.errors = Format::fixed(8, 2)});
    Watch watch(net);
    watch.begin_step(0);
    for (int i = 1; i <= 2; ++i) {
        backward(mean(net(Tensor::full({8, 6}, 1))), {.accumulate = true});
        EXPECT_EQ(find(watch.rows(), 0, Watched::error, "fc2")->before, (core::OutOfRange{.underflow = i * 8 * 3, .overflow = 0}));
    }
}

TEST(Watch, GoesWithoutATrace) {
    Net net;
    const Step step;
    Variable loss;
    {
        Watch watch(net);
        watch.begin_step(0);
        loss = cross_entropy(net(step.x), step.labels, {});
        const std::size_t before = watch.rows().size();
        watch.end_step();
        net(step.x);
        watch.observe(Watched::state, "x", step.x);
        EXPECT_EQ(watch.rows().size(), before);
        EXPECT_FALSE(watch.watching());
    }
    backward(loss);  // through hooks of a Watch that is gone
    EXPECT_TRUE(net.fc1.parameters()[0].second->variable.grad().defined());
}

TEST(Watch, ChangesNoBit) {
    Precision stochastic = tests::posit_precision();
    stochastic.errors.rounding = stochastic.gradients.rounding = Rounding::stochastic;
    for (const Precision& precision : {Precision{}, tests::posit_precision(), stochastic}) {
        std::vector<std::vector<std::uint64_t>> codes;
        for (const bool watched : {false, true}) {
            const ImageClassification data = tests::make_images(64);
            seed(5);
            LeNet5 model;
            model.set_precision(precision);
            Sgd sgd(model.parameters(), {.lr = 0.0625, .momentum = 0.5});
            Watch watch(model, {.every = 2});
            const DataLoader loader(data, {.batch_size = 16, .seed = 1});
            std::int64_t step = 0;
            for (const Batch& batch : loader.epoch(0)) {
                if (watched) watch.begin_step(step++);
                tests::train_step(model, sgd, batch);
            }
            EXPECT_EQ(watch.rows().empty(), !watched);
            codes.push_back(all_codes(model, sgd));
        }
        EXPECT_TRUE(codes[0] == codes[1]);
    }
}

TEST(Watch, RefusesNoSteps) {
    Net net;
    EXPECT_EQ(error_of([&] { Watch(net, {.every = 0}); }), "Watch: every is not positive: 0 (want at least 1)");
}

}  // namespace
}  // namespace taper::nn
