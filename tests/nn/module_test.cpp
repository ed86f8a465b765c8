// Module: names, modes, state and load, precision by name, rounding slots.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support.h"

namespace taper::nn {
namespace {

using tests::error_of;
using tests::p16;
using tests::p8;

struct Block : Module {
    Linear fc{3, 2};
    Block() { add("fc", fc); }

  protected:
    Variable forward(const Variable& x) override { return relu(fc(x)); }
};

struct Net : Module {
    Parameter& offset;
    Tensor& count;
    Block block;
    Linear last{2, 4, Bias::no};
    Net() : offset(add_parameter("offset", Tensor::from({0.5f, 0.3f, 0.1f}, {3}))), count(add_buffer("count", Tensor::from({7.0f}, {1}))) {
        add("block", block);
        add("last", last);
    }
    using Module::add;
    using Module::add_buffer;
    using Module::add_parameter;

  protected:
    Variable forward(const Variable& x) override { return last(round("middle", block(round("start", x)))); }
};

std::vector<std::string> parameter_names(Module& module) {
    std::vector<std::string> names;
    for (const auto& [name, parameter] : module.parameters()) names.push_back(name);
    return names;
}

TEST(Module, NamesParametersBuffersAndModules) {
    Net net;
    EXPECT_EQ(parameter_names(net), (std::vector<std::string>{"offset", "block.fc.weight", "block.fc.bias", "last.weight"}));
    EXPECT_EQ(net.parameter_count(), 3 + 6 + 2 + 8);
    ASSERT_EQ(net.buffers().size(), 1u);
    EXPECT_EQ(net.buffers()[0].first, "count");
    std::vector<std::string> names;
    for (const auto& [name, module] : net.modules()) names.push_back(name);
    EXPECT_EQ(names, (std::vector<std::string>{"", "block", "block.fc", "last"}));
}

TEST(Module, RefusesBadNames) {
    Net net;
    Linear other(1, 1);
    EXPECT_EQ(error_of([&] { net.add("block", other); }), "Module: name used twice: block (want another)");
    EXPECT_EQ(error_of([&] { net.add("count", other); }), "Module: name used twice: count (want another)");
    EXPECT_EQ(error_of([&] { net.add_parameter("offset", Tensor::zeros({1})); }), "Module: name used twice: offset (want another)");
    EXPECT_EQ(error_of([&] { net.add("a.b", other); }), "Module: not a name: \"a.b\" (want one without dots, not empty)");
    EXPECT_EQ(error_of([&] { net.add_buffer("", Tensor::zeros({1})); }), "Module: not a name: \"\" (want one without dots, not empty)");
}

TEST(Module, CallsForwardHooksWithEachResult) {
    Net net;
    std::vector<std::string> calls;
    const auto first = net.block.add_forward_hook([&](const Variable&, const Variable& y) { calls.push_back("first " + y.value().str()); });
    std::uint64_t second = 0;
    second = net.block.add_forward_hook([&](const Variable&, const Variable&) {
        calls.push_back("second");
        net.block.remove_forward_hook(second);
    });
    const Tensor x = Tensor::from({1.0f, 2.0f, 3.0f}, {1, 3});
    const std::string y = net.block(x).value().str();
    net(x);
    net.block.remove_forward_hook(first);
    net.block.remove_forward_hook(first);
    net(x);
    EXPECT_EQ(calls, (std::vector<std::string>{"first " + y, "second", "first " + y}));
    EXPECT_EQ(error_of([&] { net.add_forward_hook({}); }), "add_forward_hook: the function is empty");
}

TEST(Module, ListsASharedParameterOnce) {
    Net net;
    net.add("again", net.last);
    EXPECT_EQ(net.parameter_count(), 3 + 6 + 2 + 8);
}

TEST(Module, TrainAndEvalReachEveryModule) {
    Net net;
    net.eval();
    EXPECT_FALSE(net.training() || net.block.training() || net.block.fc.training() || net.last.training());
    net.train();
    EXPECT_TRUE(net.training() && net.block.training() && net.block.fc.training() && net.last.training());
}

TEST(Module, StateIsACopyThatLoadRestores) {
    Net net;
    const NamedTensors before = net.state();
    EXPECT_EQ(before.size(), 5u);
    const auto weight = before.at("last.weight").to_vector();
    net.last.weight().assign(Tensor::full({4, 2}, 3));
    net.count.assign(Tensor::full({1}, 8));
    EXPECT_EQ(before.at("last.weight").to_vector(), weight);
    net.load(before);
    EXPECT_EQ(net.last.weight().variable.value().to_vector(), weight);
    EXPECT_EQ(net.count.to_vector(), std::vector<float>{7});
    // Neither shares memory with the other.
    EXPECT_NE(net.last.weight().variable.value().data(), before.at("last.weight").data());
}

TEST(Module, LoadRefusesWhatDoesNotFitAndChangesNothing) {
    Net net;
    const NamedTensors good = net.state();
    const auto weight = good.at("block.fc.weight").to_vector();
    NamedTensors bad = good;
    bad["block.fc.weight"] = Tensor::zeros({2, 3});
    bad.erase("last.weight");
    EXPECT_EQ(error_of([&] { net.load(bad); }), "load: a tensor is missing: last.weight (want shape [4, 2])");
    bad = good;
    bad["block.fc.weight"] = Tensor::zeros({2, 3});
    bad["last.weight"] = Tensor::zeros({2, 4});
    EXPECT_EQ(error_of([&] { net.load(bad); }), "load: shape differs: last.weight is [2, 4] (want [4, 2])");
    bad = good;
    bad["more"] = Tensor::zeros({5});
    EXPECT_EQ(error_of([&] { net.load(bad); }), "load: unknown tensor: more [5] (the module has none of that name)");
    EXPECT_EQ(net.block.fc.weight().variable.value().to_vector(), weight);
}

TEST(Parameter, HasAMasterOnlyWhereFormatsDiffer) {
    const Tensor initial = Tensor::from({0.3f, -1.7f, 1e-3f}, {3});
    Parameter parameter(initial);
    EXPECT_FALSE(parameter.master.defined());
    EXPECT_EQ(parameter.variable.value().to_vector(), initial.to_vector());
    EXPECT_NE(parameter.variable.value().data(), initial.data());  // the optimizer writes in place

    parameter.set_precision({.weights = p8, .gradients = p8, .master = p16});
    ASSERT_TRUE(parameter.master.defined());
    EXPECT_EQ(parameter.master.codes(), initial.to(p16).codes());
    EXPECT_EQ(parameter.variable.value().codes(), initial.to(p16).to(p8).codes());
    EXPECT_EQ(parameter.variable.gradient_target(), Target(p8));
    EXPECT_EQ(parameter.most_precise().format(), p16);
    EXPECT_EQ(parameter.master.storage()->role(), Role::master);
    EXPECT_EQ(parameter.variable.value().storage()->role(), Role::parameters);

    // Equal formats: one tensor, rounded as the master is, whatever the weights' rounding.
    parameter.assign(initial);
    parameter.set_precision({.weights = {p16, Rounding::stochastic}, .master = {p16, Rounding::zero}});
    EXPECT_FALSE(parameter.master.defined());
    EXPECT_EQ(parameter.variable.value().codes(), initial.to(p16).codes());
    parameter.assign(initial);
    EXPECT_EQ(parameter.variable.value().codes(), initial.to(p16, {Rounding::zero}).codes());
    EXPECT_EQ(error_of([&] { parameter.assign(Tensor::zeros({4})); }), "Parameter: shape differs: [4] came (want [3])");
}

TEST(Parameter, RoundsTheWeightFromTheMaster) {
    const Format fine = Format::posit(9, 2);
    const Tensor initial = uniform({2000}, -1, 1);
    Parameter parameter(initial);
    parameter.set_precision({.weights = p8, .master = fine});
    EXPECT_EQ(parameter.variable.value().codes(), initial.to(fine).to(p8).codes());
    EXPECT_NE(parameter.variable.value().codes(), initial.to(p8).codes());  // which is another number here and there
}

TEST(Parameter, RoundsStochasticallyFromTheDefaultGenerator) {
    const Tensor initial = Tensor::full({4096}, 1.03);  // between posit(8,2)'s 1 and 1.125
    Parameter parameter(initial);
    const Precision precision{.weights = {p8, Rounding::stochastic}};
    seed(5);
    parameter.set_precision(precision);
    const auto first = parameter.variable.value().codes();
    parameter.set_precision(precision);
    const auto second = parameter.variable.value().codes();
    seed(5);
    parameter.set_precision(precision);
    EXPECT_NE(first, second);
    EXPECT_EQ(first, parameter.variable.value().codes());
    double mean = 0;
    for (const float v : parameter.variable.value().to_vector()) mean += v / 4096;
    EXPECT_NEAR(mean, 1.03, 4 * 0.125 * 0.5 / 64);
}

TEST(Module, SetPrecisionByName) {
    Net net;
    net.set_precision({.weights = p8, .activations = p8});
    net.set_precision("block", {.weights = p16, .activations = p16});
    EXPECT_EQ(net.block.fc.weight().variable.format(), p16);
    EXPECT_EQ(net.last.weight().variable.format(), p8);
    EXPECT_EQ(net.precision().weights, Target(p8));
    EXPECT_EQ(net.block.precision().weights, Target(p16));
    EXPECT_EQ(error_of([&] { net.set_precision("bloc", {}); }), "set_precision: no such module: bloc (want one of block, block.fc, last)");
}

TEST(Module, SlotsRoundWhereTheySay) {
    Net net;
    net.set_precision({.inputs = p8, .activations = p16});
    const Variable x = Tensor::from({0.3f, 0.7f, -0.9f}, {1, 3});
    EXPECT_EQ(net(x).format(), p16);
    net.set_rounding("output", Target(Format::float32()));
    EXPECT_EQ(net(x).format(), Format::float32());
    net.set_rounding("output", {});
    EXPECT_EQ(net(x).format(), p16);

    // "start" rounds x into the activations' format unless told otherwise: from posit(8,2) nothing is lost.
    const auto expected = net.block(Tensor(x.value().to(p8).to(p16))).value().codes();
    net.set_rounding("middle", Target(p16));
    net.set_rounding("start", Target(p16));
    const auto state = net.last(net.block(Tensor(x.value().to(p8)))).value().codes();
    EXPECT_EQ(net.block(Tensor(x.value().to(p8))).value().codes(), expected);
    EXPECT_EQ(net(x).value().codes(), state);
    // A coarse "middle" changes the result to that of the coarse values.
    const Format coarse = Format::posit(4, 0);
    net.set_rounding("middle", Target(coarse));
    EXPECT_EQ(net(x).value().codes(), net.last(Tensor(net.block(Tensor(x.value().to(p8))).value().to(coarse))).value().codes());
}

TEST(Precision, DescribesItself) {
    const Precision precision{.inputs = p8, .weights = {p8, Rounding::stochastic}, .forward = Accumulator::exact()};
    const auto roles = describe(precision);
    ASSERT_EQ(roles.size(), 11u);
    EXPECT_EQ(roles[0], (std::pair<std::string, std::string>("inputs", "posit(8,2)")));
    EXPECT_EQ(roles[1], (std::pair<std::string, std::string>("weights", "posit(8,2) stochastic")));
    EXPECT_EQ(roles[8], (std::pair<std::string, std::string>("forward", "exact")));
    EXPECT_EQ(table(precision).substr(0, 28), "inputs            posit(8,2)");
    EXPECT_EQ(precision, precision);
    EXPECT_NE(precision, Precision{});
}

TEST(Sequential, CallsItsLayersInOrder) {
    Sequential net;
    net.emplace<Conv2d>(1, 2, 3, Conv2dSpec{.stride = 2, .padding = 1});
    net.emplace<ReLU>();
    net.emplace<Flatten>();
    Linear& last = net.emplace<Linear>(2 * 4 * 4, 5);
    EXPECT_EQ(parameter_names(net), (std::vector<std::string>{"0.weight", "0.bias", "3.weight", "3.bias"}));
    EXPECT_EQ(net.size(), 4u);
    EXPECT_EQ(&net[3], &last);
    EXPECT_EQ(error_of([&] { net[4]; }), "Sequential: no such layer: 4 (want less than 4)");
    const Variable x = uniform({3, 1, 8, 8}, -1, 1);
    const Variable y = net(x);
    EXPECT_EQ(y.shape(), (Shape{3, 5}));
    EXPECT_EQ(y.value().codes(), last(reshape(relu(net[0](x)), {3, 32})).value().codes());
}

// The ReLU joins the layer before it where nothing stands between, and then too each has the bits of a call.
TEST(Sequential, JoinsAReluToTheLayerBeforeIt) {
    Sequential net;
    net.emplace<Conv2d>(1, 2, 3, Conv2dSpec{.stride = 2, .padding = 1});
    net.emplace<BatchNorm2d>(2);
    net.emplace<ReLU>();
    net.emplace<Flatten>();
    net.emplace<Linear>(2 * 4 * 4, 5);
    net.emplace<ReLU>();
    net.set_precision({.weights = p8, .activations = p8, .errors = p8, .gradients = p16});
    const Tensor x = uniform({3, 1, 8, 8}, -1, 1);
    const auto step = [&] {
        const Variable y = net(x);
        backward(sum(y * y));
        std::vector<std::vector<std::uint64_t>> codes{y.value().codes()};
        for (const auto& [name, parameter] : net.parameters()) {
            codes.push_back(parameter->variable.grad().codes());
            parameter->variable.zero_grad();
        }
        return codes;
    };
    const auto joined = step();
    std::vector<Variable> seen;
    for (const std::size_t i : {std::size_t{1}, std::size_t{4}}) {
        const std::uint64_t hook = net[i].add_forward_hook([&](const Variable&, const Variable& y) { seen.push_back(y); });
        EXPECT_EQ(step(), joined);
        net[i].remove_forward_hook(hook);
    }
    ASSERT_EQ(seen.size(), 2u);
    for (const Variable& y : seen) {
        const std::vector<double> values = y.value().to_vector_double();
        EXPECT_LT(*std::min_element(values.begin(), values.end()), 0) << "a hook sees what the layer gives, before the ReLU";
    }
    net[2].set_rounding("input", Format::posit(4, 1));  // the ReLU's own slot
    EXPECT_NE(step(), joined);
}

TEST(LeNet5, Has61706Parameters) {
    auto model = LeNet5();
    EXPECT_EQ(model.parameter_count(), 61706);
    EXPECT_EQ(model(Tensor::zeros({2, 1, 28, 28})).shape(), (Shape{2, 10}));
    EXPECT_EQ(parameter_names(model), (std::vector<std::string>{"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "conv3.weight", "conv3.bias",
                                                                "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}));
}

}  // namespace
}  // namespace taper::nn
