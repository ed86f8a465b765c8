// What Precision means at every point of LeNet-5: each value and each gradient in the format that its role names, rounded as the contract says.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "support.h"

namespace taper::nn {
namespace {

using tests::p16;
using tests::p8;

// Five roles, five formats, so that a mix-up shows.
const Format activations = Format::posit(10, 1), errors = Format::posit(9, 2), gradients = Format::posit(11, 1), logit_format = Format::posit(12, 1);
const Precision apart{.inputs = p8,
                      .weights = Format::posit(7, 1),
                      .activations = activations,
                      .errors = errors,
                      .gradients = gradients,
                      .loss = logit_format,
                      .master = p16,
                      .state = p16};

// y = x; notes what passes, forward and backward.
struct Passed {
    std::map<std::string, Tensor> values, gradients;
    Variable operator()(const std::string& name, const Variable& x) {
        values[name] = x.value();
        return make_result("probe", x.value(), {x}, [&]() -> GradientFunction {
            return [this, name](const Tensor& dy, const std::vector<GradientRequest>& requests) -> std::vector<Tensor> {
                gradients[name] = dy;
                return {dy.to(requests[0].target.format)};
            };
        });
    }
};

Variable probed_forward(LeNet5& model, Passed& passed, const Variable& image) {
    const Variable x = passed("input", quantize(image, model.precision().inputs));
    Variable y = passed("conv1", model.conv1(x));
    y = passed("pool1", max_pool2d(y));
    y = passed("relu1", relu(y));
    y = passed("conv2", model.conv2(y));
    y = passed("relu2", relu(passed("pool2", max_pool2d(y))));
    y = passed("relu3", relu(passed("conv3", model.conv3(y))));
    y = passed("relu4", relu(passed("fc1", model.fc1(reshape(y, {x.size(0), 120})))));
    return passed("fc2", model.fc2(y));
}

// Every number of a tensor is one of its format's points.
void expect_on_grid(const std::string& name, const Tensor& t, const Format& format) {
    EXPECT_EQ(t.format(), format) << name;
    EXPECT_LE(t.format().storage_bytes(), 2) << name;
    const auto values = t.to_vector_double();
    EXPECT_EQ(Tensor::from(values, t.shape(), format).to_vector_double(), values) << name;
    double largest = 0;
    for (const double v : values) largest = std::max(largest, std::fabs(v));
    EXPECT_GT(largest, 0) << name;  // something flowed
}

struct PositRun {
    LeNet5 model;
    Passed passed;
    Tensor images = uniform({6, 1, 28, 28}, -1, 2);
    Tensor labels = Tensor::from(std::vector<std::int32_t>{3, 1, 4, 1, 5, 9}, {6});
    Variable loss;
    PositRun() {
        model.set_precision(apart);
        loss = cross_entropy(probed_forward(model, passed, images), labels, model.precision());
        backward(loss);
    }
};

TEST(Precision, EveryPointOfLeNetIsInItsRolesFormat) {
    seed(2);
    PositRun run;
    for (const auto& [name, value] : run.passed.values) expect_on_grid(name, value, name == "input" ? p8 : activations);
    EXPECT_EQ(run.passed.gradients.size(), 11u);  // all but the input's
    for (const auto& [name, gradient] : run.passed.gradients) expect_on_grid(name, gradient, errors);
    for (const auto& [name, parameter] : run.model.parameters()) {
        expect_on_grid(name, parameter->variable.value(), apart.weights.format);
        expect_on_grid(name, parameter->master, p16);
        expect_on_grid(name, parameter->variable.grad(), gradients);
    }
    EXPECT_EQ(run.loss.format(), Format::float32());
    // The model itself does what the probed copy does.
    EXPECT_EQ(run.model(run.images).value().codes(), run.passed.values.at("fc2").codes());
}

// d logits = r_errors(r_loss((softmax(r_loss(z)) - onehot) / N)).
TEST(Precision, TheLogitsGradientIsRoundedTwice) {
    seed(2);
    PositRun run;
    const auto z = run.passed.values.at("fc2").to(logit_format).to_vector_double();
    const auto labels = run.labels.to_int32_vector();
    std::vector<double> exact;
    double mean = 0;
    for (std::size_t n = 0; n < 6; ++n) {
        double sum = 0;
        for (std::size_t c = 0; c < 10; ++c) sum += std::exp(z[n * 10 + c]);
        for (std::size_t c = 0; c < 10; ++c) exact.push_back((std::exp(z[n * 10 + c]) / sum - (static_cast<int>(c) == labels[n])) / 6);
        mean -= std::log(std::exp(z[n * 10 + static_cast<std::size_t>(labels[n])]) / sum) / 6;
    }
    EXPECT_NEAR(run.loss.value().item(), mean, 1e-6);
    const Tensor twice = Tensor::from(exact, {6, 10}).to(logit_format).to(errors);
    EXPECT_EQ(run.passed.gradients.at("fc2").codes(), twice.codes());
}

// Equal formats on both sides of the loss must not merge their gradients' targets.
TEST(Precision, LossAndErrorsStayApartWhereLogitsAreInTheLossFormat) {
    const Precision same{.activations = p8, .errors = p16, .loss = p8};
    const Variable logits = Variable::leaf(Tensor::from({0.3f, -0.8f, 1.7f}, {1, 3}, p8), p16);
    const Tensor label = Tensor::from(std::vector<std::int32_t>{2}, {1});
    backward(cross_entropy(logits, label, same));
    EXPECT_EQ(logits.gradient_target(), Target(p16));
    EXPECT_EQ(logits.grad().format(), p16);
    const Variable exact = Variable::leaf(logits.value().to(Format::float64()));
    backward(taper::cross_entropy(exact, label));
    EXPECT_EQ(logits.grad().to_vector(), exact.grad().to(p8).to_vector());
}

TEST(Precision, LayersFollowTheirOwn) {
    LeNet5 model;
    model.set_precision(apart);
    model.set_precision("conv1", {.weights = p8, .activations = activations, .errors = p8, .gradients = p8, .master = p16, .state = p16});
    const Variable y = model.conv1(Tensor::zeros({1, 1, 28, 28}, p8));
    EXPECT_EQ(y.gradient_target(), Target(p8));
    backward(sum(y));
    EXPECT_EQ(model.conv1.weight().variable.grad().format(), p8);
}

// The accumulators that Precision names are those that the products use.
TEST(Precision, AccumulatorsReachTheProducts) {
    const Format narrow = Format::posit(5, 1);
    // 2^30 + 1 - 2^30 in float32 loses the 1 in whatever order it adds from the left.
    const auto result = [&](const Accumulator& forward) {
        Linear wide(3, 1, Bias::no);
        wide.set_precision({.activations = narrow, .forward = forward});
        wide.weight().assign(Tensor::from({1, 1, -1}, {1, 3}));
        return wide(Tensor::from({1073741824.0f, 1, 1073741824.0f}, {1, 3})).value().to_vector()[0];
    };
    EXPECT_EQ(result(Accumulator::exact()), 1);
    EXPECT_NE(result(Accumulator::float32()), 1);
}

TEST(Precision, FrozenParametersGetNoGradient) {
    seed(2);
    LeNet5 model;
    model.set_precision(apart);
    model.conv1.weight().variable.set_requires_grad(false);
    model.conv1.bias()->variable.set_requires_grad(false);
    const Variable logits = model(uniform({2, 1, 28, 28}, -1, 1));
    backward(cross_entropy(logits, Tensor::from(std::vector<std::int32_t>{1, 2}, {2}), model.precision()));
    EXPECT_FALSE(model.conv1.weight().variable.grad().defined());
    EXPECT_TRUE(model.conv2.weight().variable.grad().defined());
    Sgd sgd(model.parameters(), {.lr = 0.1, .momentum = 0.9});
    const auto before = model.conv1.weight().master.codes();
    sgd.step();
    EXPECT_EQ(model.conv1.weight().master.codes(), before);
    EXPECT_FALSE(sgd.state().count("velocity.conv1.weight"));
    EXPECT_TRUE(sgd.state().count("velocity.conv2.weight"));
}

}  // namespace
}  // namespace taper::nn
