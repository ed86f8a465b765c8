// ResNet: residual networks for small images: the plain ones of He et al. for CIFAR-10 and ResNet-18 with a 3x3 stem.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <taper/nn/batch_norm.h>
#include <taper/nn/conv2d.h>
#include <taper/nn/layers.h>
#include <taper/nn/linear.h>
#include <taper/nn/sequential.h>

namespace taper::nn {

// What stands for x in a block's sum where the shape changes.
enum class Shortcut : std::uint8_t {
    padded,      // every second row and column of x, with (out - in) / 2 channels of zeros on either side: option A, without parameters
    projection,  // a 1x1 convolution without bias and a norm, shortcut.0 and shortcut.1: option B
};
enum class InitialWeights : std::uint8_t {
    uniform,    // as the layers', PyTorch's default
    he_normal,  // N(0, 2 / fan-in) for convolutions and `linear`
};

struct ResNetOptions {
    std::vector<int> blocks = {3, 3, 3};  // a stage
    std::int64_t width = 16;              // channels of the first stage; each further one has twice as many
    Shortcut shortcut = Shortcut::padded;
    InitialWeights initial = InitialWeights::he_normal;
    std::int64_t classes = 10;
};
// Depth 20, 32, 44, 56 with ten classes: 269,722, 464,154, 658,586, 853,018 parameters.  Throws Error unless depth = 6 n + 2.
//   Source: He et al. 2015 (arXiv 1512.03385), section 4.2.
ResNetOptions plain_resnet(int depth, std::int64_t classes = 10);
// 11,173,962 parameters with ten classes.  Source: the same, in the form that is usual for CIFAR-10, as in Qtorch+'s run.
ResNetOptions resnet18(std::int64_t classes = 10);

// conv1 3-width 3x3, bn1, ReLU; layer1, layer2, ... of blocks, all but the first with stride 2; pool, the mean over rows and columns; linear to the classes.
//   x [N, 3, H, W] -> logits [N, classes].
//   Block: y = ReLU(bn2(conv2(ReLU(bn1(conv1(x))))) + x), the last x by `shortcut` where the shape changes.  Convolutions are 3x3 with padding 1, without bias.
//   Rounding points: "residual" and "shortcut" of a block, the terms of its sum, whose format is the block's `activations`; "stage" of the network, behind
//   the first ReLU and each stage.
struct ResNet : Module {
    Conv2d conv1;
    BatchNorm2d bn1;
    std::vector<std::unique_ptr<Sequential>> stages;
    GlobalAvgPool2d pool;
    Linear linear;
    explicit ResNet(const ResNetOptions& options = {}, Generator& generator = default_generator());

  protected:
    Variable forward(const Variable& x) override;
};

}  // namespace taper::nn
