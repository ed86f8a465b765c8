// DCGAN: a generator of images from noise and a discriminator of images, for 28, 32 and 64 pixels.
#pragma once

#include <cstdint>

#include <taper/core/random.h>
#include <taper/nn/sequential.h>

namespace taper::nn {

struct DcganOptions {
    std::int64_t size = 64;                                       // pixels a side: 28, 32 or 64
    std::int64_t channels = 3;                                    // of the images
    std::int64_t latent = 100;                                    // numbers that an image is made from
    std::int64_t generator_width = 64, discriminator_width = 64;  // channels of the layer next to the image
};

// Radford, Metz, Chintala (ICLR 2016) as PyTorch's examples/dcgan lays it out, names too ("main.0.weight"), so that its weights load.  With
// w the width, the maps 4 x 4 at the narrow end for 32 and 64 pixels and 7 x 7 for 28 (MNIST's size), and as many stages of kernel 4, stride 2,
// padding 1 as double them up to the image (2, 3 and 4 for 28, 32 and 64; one stage fewer is the widest left out), none with a bias:
//   generator      transposed convolution of kernel 4 (7) from the latent to w 2^(stages - 1) channels, BatchNorm, ReLU; stages that halve the
//                  channels, BatchNorm, ReLU; the last one to the image's channels, tanh.
//   discriminator  convolution to w channels, LeakyReLU 0.2; stages that double them, BatchNorm, LeakyReLU 0.2; convolution of kernel 4 (7) to one.
// Weights start as N(0, 0.02), BatchNorm's as N(1, 0.02) with bias 0.  Parameters with the defaults: 64 pixels 3,576,704 and 2,765,568 (published);
// 32 pixels 1,068,928 and 663,296; 28 pixels with one channel 759,680 and 138,624.
// Throw Error for another size and counts below 1.
//
// z [N, latent] -> images [N, channels, size, size] in [-1, 1].
class DcganGenerator : public Module {
  public:
    explicit DcganGenerator(const DcganOptions& options = {}, Generator& generator = default_generator());
    const DcganOptions& options() const { return options_; }

  protected:
    Variable forward(const Variable& z) override;

  private:
    DcganOptions options_;
    Sequential main_;
};

// images [N, channels, size, size] in [-1, 1] -> logits [N]; sigmoid(logit) is the probability of a real image (bce_with_logits_loss).
class DcganDiscriminator : public Module {
  public:
    explicit DcganDiscriminator(const DcganOptions& options = {}, Generator& generator = default_generator());
    const DcganOptions& options() const { return options_; }

  protected:
    Variable forward(const Variable& images) override;

  private:
    DcganOptions options_;
    Sequential main_;
};

}  // namespace taper::nn
