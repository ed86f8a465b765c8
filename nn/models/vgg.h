// VGG with norms for 32 x 32 images; 9,231,114 parameters at depth 11 and 14,728,266 at depth 16 with ten classes.
#pragma once

#include <cstdint>

#include <taper/nn/linear.h>
#include <taper/nn/sequential.h>

namespace taper::nn {

struct VggOptions {
    int depth = 11;  // or 16
    std::int64_t classes = 10;
};

// `features`: ConvNormReLU units of 64, 128, 256, 512 and 512 channels, 1, 1, 2, 2, 2 of them (depth 11) or 2, 2, 3, 3, 3 (depth 16), each group with max-pool
// 2 behind it; `classifier`: linear 512-classes.
//   x [N, 3, 32, 32] -> logits [N, classes].
//   Throws Error for another depth.
//   Source: Simonyan and Zisserman 2014 (arXiv 1409.1556), configurations A and D, with one linear layer and norms as is usual for CIFAR-10.
struct Vgg : Module {
    Sequential features;
    Linear classifier;
    explicit Vgg(const VggOptions& options = {}, Generator& generator = default_generator());

  protected:
    Variable forward(const Variable& x) override;
};

}  // namespace taper::nn
