// PreResNet: residual networks with norms before convolutions, for 32 x 32 images; 272,282 parameters at depth 20 with ten classes.
#pragma once

#include <cstdint>

#include <taper/nn/batch_norm.h>
#include <taper/nn/conv2d.h>
#include <taper/nn/linear.h>
#include <taper/nn/sequential.h>

namespace taper::nn {

struct PreResNetOptions {
    int depth = 20;  // 6 n + 2: three stages of n blocks
    std::int64_t classes = 10;
};

// conv1 3-16 3x3; layer1, layer2, layer3 of n blocks with 16, 32, 64 channels, the latter two from stride 2; bn, ReLU, mean over rows and columns, fc
// 64-classes.
//   x [N, 3, H, W] -> logits [N, classes].
//   Block: y = conv2(ReLU(bn2(conv1(ReLU(bn1(x)))))) + x; where the shape changes downsample.0, a 1x1 convolution of x, stands for the last x.
//   Convolutions are without bias and 3x3 with padding 1, their weights N(0, 2 / (9 out)), of 1x1 ones N(0, 2 / out).
//   Rounding points: "residual" and "shortcut" of a block, the terms of its sum; "features" of the network, what the mean reads.
//   Throws Error for another depth and for no classes.
//   Source: He et al. 2016 (arXiv 1603.05027), in the form of Qtorch+'s run on CIFAR-10.
struct PreResNet : Module {
    Conv2d conv1;
    Sequential layer1, layer2, layer3;
    BatchNorm2d bn;
    Linear fc;
    explicit PreResNet(const PreResNetOptions& options = {}, Generator& generator = default_generator());

  protected:
    Variable forward(const Variable& x) override;
};

}  // namespace taper::nn
