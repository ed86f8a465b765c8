// ResNet-9 for 32 x 32 images: eleven convolutions (three of its eight units are pairs) and a linear layer; 30,441,528 parameters with 100 classes.
#pragma once

#include <cstdint>

#include <taper/nn/linear.h>
#include <taper/nn/models/conv_norm_relu.h>
#include <taper/nn/sequential.h>

namespace taper::nn {

// conv1 3-64; conv2 64-128, max-pool 2; res1; conv3 128-256, max-pool 2; conv4 256-512, max-pool 2; res2; conv5 512-1028, max-pool 2; res3; max-pool 2; linear.
//   x [N, 3, 32, 32] -> logits [N, classes].
//   conv1 ... conv5 are ConvNormReLU; res1, res2, res3 pairs of them that keep the channels, y = res(x) + x.
//   Rounding points: "unit", what each of the eight units returns, behind its pooling or sum; "residual" and "shortcut", the terms of the sums,
//   whose format is the network's `activations`.
//   Source: Qtorch+'s runs on CIFAR-100 (cifar100-pytorch.ipynb); 1028 channels is what they have.
struct ResNet9 : Module {
    ConvNormReLU conv1, conv2;
    Sequential res1;
    ConvNormReLU conv3, conv4;
    Sequential res2;
    ConvNormReLU conv5;
    Sequential res3;
    Linear linear;
    explicit ResNet9(std::int64_t classes = 100, Generator& generator = default_generator());

  protected:
    Variable forward(const Variable& x) override;

  private:
    Variable residual(Sequential& pair, const Variable& x);
};

}  // namespace taper::nn
