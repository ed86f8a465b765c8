#include <taper/nn/models/resnet.h>

#include <cmath>
#include <string>

#include <taper/nn/init.h>
#include <taper/nn/models/residual.h>

namespace taper::nn {
namespace {

// Every second row and column, zeros before and behind the channels.
struct PaddedShortcut : Module {
    std::int64_t padding;  // channels on either side
    explicit PaddedShortcut(const BlockShape& shape) : padding((shape.out - shape.in) / 2) {}

  protected:
    Variable forward(const Variable& x) override {
        const Variable y = max_pool2d(x, {.kernel = 1, .stride = 2});
        const Variable zeros = Tensor::zeros({y.size(0), padding, y.size(2), y.size(3)}, y.format(), y.value().device());
        return concatenate({zeros, y, zeros}, 1);
    }
};

struct BasicBlock : Module {
    Conv2d conv1, conv2;
    BatchNorm2d bn1, bn2;
    Sequential shortcut;

    BasicBlock(const BlockShape& shape, Shortcut kind, Generator& generator)
        : conv1(shape.in, shape.out, 3, {.stride = shape.stride, .padding = 1}, Bias::no, generator),
          conv2(shape.out, shape.out, 3, {.padding = 1}, Bias::no, generator),
          bn1(shape.out),
          bn2(shape.out) {
        add("conv1", conv1);
        add("bn1", bn1);
        add("conv2", conv2);
        add("bn2", bn2);
        if (shape.keeps_shape()) return;
        if (kind == Shortcut::padded) {
            shortcut.emplace<PaddedShortcut>(shape);
        } else {
            shortcut.emplace<Conv2d>(shape.in, shape.out, 1, Conv2dSpec{.stride = shape.stride}, Bias::no, generator);
            shortcut.emplace<BatchNorm2d>(shape.out);
        }
        add("shortcut", shortcut);
    }

  protected:
    Variable forward(const Variable& x) override {
        Variable y = bn1.with_relu(conv1(x));
        y = bn2(conv2(y));
        return relu(round("residual", y) + round("shortcut", shortcut(x)));
    }
};

std::int64_t last_width(const ResNetOptions& options) { return options.width << (options.blocks.size() - 1); }

void he_normal(Parameter& weight, Generator& generator) { weight.assign(init::kaiming_normal(weight.variable.shape(), std::sqrt(2.0), generator)); }

}  // namespace

ResNetOptions plain_resnet(int depth, std::int64_t classes) { return {.blocks = std::vector<int>(3, blocks_of_depth("ResNet", depth)), .classes = classes}; }

ResNetOptions resnet18(std::int64_t classes) {
    return {.blocks = {2, 2, 2, 2}, .width = 64, .shortcut = Shortcut::projection, .initial = InitialWeights::uniform, .classes = classes};
}

ResNet::ResNet(const ResNetOptions& options, Generator& generator)
    : conv1(3, options.width, 3, {.padding = 1}, Bias::no, generator), bn1(options.width), linear(last_width(options), options.classes, Bias::yes, generator) {
    add("conv1", conv1);
    add("bn1", bn1);
    BlockShape shape{.in = options.width, .out = options.width, .stride = 1};
    for (const int blocks : options.blocks) {
        stages.push_back(std::make_unique<Sequential>());
        add_blocks<BasicBlock>(*stages.back(), blocks, shape, options.shortcut, generator);
        add("layer" + std::to_string(stages.size()), *stages.back());
        shape = {.in = shape.out, .out = 2 * shape.out, .stride = 2};
    }
    add("pool", pool);
    add("linear", linear);
    if (options.initial == InitialWeights::uniform) return;
    for (const auto& [name, module] : modules())
        if (auto* conv = dynamic_cast<Conv2d*>(module)) he_normal(conv->weight(), generator);
    he_normal(linear.weight(), generator);
}

Variable ResNet::forward(const Variable& x) {
    Variable y = round("stage", bn1.with_relu(conv1(x)));
    for (const auto& stage : stages) y = round("stage", (*stage)(y));
    return linear(pool(y));
}

}  // namespace taper::nn
