#include <taper/nn/models/preresnet.h>

#include <cmath>

#include <taper/nn/init.h>
#include <taper/nn/models/residual.h>

namespace taper::nn {
namespace {

struct PreBlock : Module {
    BatchNorm2d bn1, bn2;
    Conv2d conv1, conv2;
    Sequential downsample;

    PreBlock(const BlockShape& shape, Generator& generator)
        : bn1(shape.in),
          bn2(shape.out),
          conv1(shape.in, shape.out, 3, {.stride = shape.stride, .padding = 1}, Bias::no, generator),
          conv2(shape.out, shape.out, 3, {.padding = 1}, Bias::no, generator) {
        add("bn1", bn1);
        add("conv1", conv1);
        add("bn2", bn2);
        add("conv2", conv2);
        if (shape.keeps_shape()) return;
        downsample.emplace<Conv2d>(shape.in, shape.out, 1, Conv2dSpec{.stride = shape.stride}, Bias::no, generator);
        add("downsample", downsample);
    }

  protected:
    Variable forward(const Variable& x) override {
        Variable y = conv1(bn1.with_relu(x));
        y = conv2(bn2.with_relu(y));
        return round("residual", y) + round("shortcut", downsample(x));
    }
};

}  // namespace

PreResNet::PreResNet(const PreResNetOptions& options, Generator& generator)
    : conv1(3, 16, 3, {.padding = 1}, Bias::no, generator), bn(64), fc(64, options.classes, Bias::yes, generator) {
    const int blocks = blocks_of_depth("PreResNet", options.depth);
    add_blocks<PreBlock>(layer1, blocks, {.in = 16, .out = 16, .stride = 1}, generator);
    add_blocks<PreBlock>(layer2, blocks, {.in = 16, .out = 32, .stride = 2}, generator);
    add_blocks<PreBlock>(layer3, blocks, {.in = 32, .out = 64, .stride = 2}, generator);
    add("conv1", conv1);
    add("layer1", layer1);
    add("layer2", layer2);
    add("layer3", layer3);
    add("bn", bn);
    add("pool", pool);
    add("fc", fc);
    for (const auto& [name, module] : modules()) {
        auto* conv = dynamic_cast<Conv2d*>(module);
        if (!conv) continue;
        const Shape shape = conv->weight().variable.shape();
        conv->weight().assign(init::normal(shape, std::sqrt(2 / static_cast<double>(init::fan_out(shape))), generator));
    }
}

Variable PreResNet::forward(const Variable& x) {
    const Variable y = layer3(layer2(layer1(conv1(x))));  // [N, 64, H / 4, W / 4]
    return fc(pool(bn.with_relu(y)));
}

}  // namespace taper::nn
