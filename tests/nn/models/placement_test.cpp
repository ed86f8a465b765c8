// The presets of Qtorch+'s runs on their networks: the same bits, forward and backward, as the networks with quantizers written by hand where its code has
// them.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "../support.h"

namespace taper::nn {
namespace {

const Format float32 = Format::float32(), p8_1 = Format::posit(8, 1), f16 = Format::minifloat(6, 9);

// The modules of a network by name.
class Parts {
  public:
    explicit Parts(Module& model) {
        for (const auto& [name, module] : model.modules()) modules_[name] = module;
    }
    bool has(const std::string& name) const { return modules_.count(name) != 0; }
    Variable operator()(const std::string& name, const Variable& x) const { return (*modules_.at(name))(x); }

  private:
    std::map<std::string, Module*> modules_;
};

// Qtorch+'s Quantizer: values stay float32, both ways on the grid.
Variable q(const Variable& x, const Format& format) { return quantize(quantize(x, format, format), float32); }

using ByHand = Variable (*)(const Parts& part, const Variable& x);

// Exact sums, so that the bits depend on the places of the roundings alone.
void use_exact_sums(Recipe& recipe) { recipe.precision.forward = recipe.precision.backward_data = recipe.precision.backward_weights = Accumulator::exact(); }

void expect_same_bits(Module& model, Module& reference, const char* preset, ByHand by_hand) {
    Recipe recipe = find_recipe(preset);
    if (std::string(preset) != "qtorch_cifar100") use_exact_sums(recipe);
    reference.load(model.state());
    apply(recipe, model);
    Recipe weights_alone{.precision = recipe.precision};
    for (const auto role : {&Precision::inputs, &Precision::activations, &Precision::errors, &Precision::loss}) weights_alone.precision.*role = {};
    apply(weights_alone, reference);

    const std::string name = preset;
    const bool grey = name == "qtorch_mnist";
    const Tensor x = uniform(grey ? Shape{3, 1, 28, 28} : Shape{3, 3, 32, 32}, -2, 2);
    const Tensor labels = Tensor::from(std::vector<std::int32_t>{1, 7, 4}, {3});
    const Variable logits = model(x), wanted = by_hand(Parts(reference), x);
    ASSERT_EQ(logits.value().to_vector(), wanted.value().to_vector());
    backward(cross_entropy(logits, labels, model.precision()), {.loss_scale = 1000});
    backward(taper::cross_entropy(recipe.precision.loss.format == f16 ? quantize(wanted, f16, f16) : wanted, labels), {.loss_scale = 1000});
    const NamedParameters ours = model.parameters(), theirs = reference.parameters();
    for (std::size_t i = 0; i < ours.size(); ++i)
        EXPECT_EQ(ours[i].second->variable.grad().codes(), theirs[i].second->variable.grad().codes()) << ours[i].first;
}

Variable mnist_by_hand(const Parts& part, const Variable& x) {
    Variable y = relu(max_pool2d(q(part("conv1", x), tests::p8)));
    y = relu(max_pool2d(q(part("conv2", y), tests::p8)));
    y = relu(q(part("fc1", reshape(y, {x.size(0), 320})), tests::p8));
    return q(part("fc2", y), tests::p8);
}

Variable cifar10_block(const Parts& part, const std::string& block, const Variable& x) {
    Variable y = q(relu(part(block + ".bn1", x)), tests::p8);
    y = q(part(block + ".conv1", y), tests::p8);
    y = q(relu(part(block + ".bn2", y)), tests::p8);
    y = q(part(block + ".conv2", y), tests::p8);
    return y + (part.has(block + ".downsample") ? part(block + ".downsample", x) : x);
}

Variable cifar10_by_hand(const Parts& part, const Variable& x) {
    Variable y = q(part("conv1", quantize(x, f16)), tests::p8);
    for (const char* block : {"layer1.0", "layer2.0", "layer3.0"}) y = cifar10_block(part, block, y);
    return part("fc", mean(q(relu(part("bn", y)), tests::p8), {2, 3}));
}

Variable vgg11_by_hand(const Parts& part, const Variable& x) {
    Variable y = x;
    for (int i = 0; i < 13; ++i) {
        const std::string name = "features." + std::to_string(i);
        y = part.has(name + ".conv") ? relu(part(name + ".bn", q(part(name + ".conv", y), p8_1))) : max_pool2d(y);
    }
    return part("classifier", reshape(y, {x.size(0), 512}));
}

Variable resnet18_block(const Parts& part, const std::string& block, const Variable& x) {
    Variable y = q(relu(part(block + ".bn1", part(block + ".conv1", x))), p8_1);
    y = q(part(block + ".bn2", part(block + ".conv2", y)), p8_1);
    if (!part.has(block + ".shortcut")) return relu(y + x);
    return relu(y + part(block + ".shortcut.1", q(part(block + ".shortcut.0", x), p8_1)));
}

Variable resnet18_by_hand(const Parts& part, const Variable& x) {
    Variable y = q(relu(part("bn1", part("conv1", x))), p8_1);
    for (const char* stage : {"layer1", "layer2"})
        y = q(resnet18_block(part, std::string(stage) + ".1", resnet18_block(part, std::string(stage) + ".0", y)), p8_1);
    return part("linear", mean(y, {2, 3}));
}

// conv1 ... of float32 sums: operands and gradients in the formats that the model has, so that their order is the same.
Variable unit(const Variable& x) { return quantize(x, tests::p8, tests::p8); }

Variable cifar100_by_hand(const Parts& part, const Variable& x) {
    const auto residual = [&](const char* name, const Variable& y) { return unit(part(name, y) + quantize(y, float32)); };
    Variable y = unit(part("conv1", x));
    y = residual("res1", unit(max_pool2d(part("conv2", y))));
    y = unit(max_pool2d(part("conv3", y)));
    y = residual("res2", unit(max_pool2d(part("conv4", y))));
    y = max_pool2d(residual("res3", unit(max_pool2d(part("conv5", y)))));
    return part("linear", reshape(y, {x.size(0), 1028}));
}

TEST(Placement, Mnist) {
    seed(11);
    MnistCnn model, reference;
    expect_same_bits(model, reference, "qtorch_mnist", mnist_by_hand);
}

TEST(Placement, Cifar10) {
    seed(12);
    PreResNet model({.depth = 8}), reference({.depth = 8});
    expect_same_bits(model, reference, "qtorch_cifar10", cifar10_by_hand);
}

TEST(Placement, Vgg11) {
    seed(13);
    Vgg model, reference;
    expect_same_bits(model, reference, "qtorch_vgg11", vgg11_by_hand);
}

TEST(Placement, Resnet18) {
    seed(14);
    const ResNetOptions small{.blocks = {2, 2}, .width = 8, .shortcut = Shortcut::projection};  // every kind of block that ResNet-18 has
    ResNet model(small), reference(small);
    expect_same_bits(model, reference, "qtorch_resnet18", resnet18_by_hand);
}

TEST(Placement, Cifar100) {
    seed(15);
    ResNet9 model, reference;
    expect_same_bits(model, reference, "qtorch_cifar100", cifar100_by_hand);
}

}  // namespace
}  // namespace taper::nn
