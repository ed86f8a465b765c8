// ConvNormReLU: the unit that VGG and ResNet-9 are made of.
#pragma once

#include <cstdint>

#include <taper/nn/batch_norm.h>
#include <taper/nn/conv2d.h>

namespace taper::nn {

// y = ReLU(bn(conv(x))), conv 3x3 with padding 1 and a bias.
//   x [N, in, H, W] -> [N, out, H, W].
struct ConvNormReLU : Module {
    Conv2d conv;
    BatchNorm2d bn;
    ConvNormReLU(std::int64_t in, std::int64_t out, Generator& generator = default_generator())
        : conv(in, out, 3, {.padding = 1}, Bias::yes, generator), bn(out) {
        add("conv", conv);
        add("bn", bn);
    }

  protected:
    Variable forward(const Variable& x) override { return bn.with_relu(conv(x)); }
};

}  // namespace taper::nn
