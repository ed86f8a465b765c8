// PreResNet: residual networks with norms before convolutions, for 32 x 32 images; 272,282 parameters at depth 20 with ten classes.
#pragma once

#include <cstdint>

#include <taper/nn/batch_norm.h>
#include <taper/nn/conv2d.h>
#include <taper/nn/layers.h>
#include <taper/nn/linear.h>
#include <taper/nn/sequential.h>

namespace taper::nn {

struct PreResNetOptions {
    int depth = 20;  // 6 n + 2
    std::int64_t classes = 10;
};

// conv1 3-16 3x3; layer1, layer2, layer3 of n blocks with 16, 32, 64 channels, the latter two with stride 2; bn, ReLU, pool, the mean over rows and columns, fc
// 64-classes.
//   x [N, 3, H, W] -> logits [N, classes].
//   Block: y = conv2(ReLU(bn2(conv1(ReLU(bn1(x)))))) + x; where the shape changes the 1x1 convolution downsample.0 of x stands for the last x.
//   Convolutions have no bias; k x k ones start N(0, 2 / (k^2 out)), the 3x3 ones have padding 1.
//   Rounding points: "residual" and "shortcut" of a block, the terms of its sum, whose format is the block's `activations`.
//   Throws Error for another depth.
//   Source: He et al. 2016 (arXiv 1603.05027), as in Qtorch+'s run on CIFAR-10.
struct PreResNet : Module {
    Conv2d conv1;
    Sequential layer1, layer2, layer3;
    BatchNorm2d bn;
    GlobalAvgPool2d pool;
    Linear fc;
    explicit PreResNet(const PreResNetOptions& options = {}, Generator& generator = default_generator());

  protected:
    Variable forward(const Variable& x) override;
};

}  // namespace taper::nn
