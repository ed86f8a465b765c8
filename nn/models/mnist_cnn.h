// A small network for MNIST, 28 x 28 grey images in ten classes; 21,840 parameters.
#pragma once

#include <cstdint>

#include <taper/nn/conv2d.h>
#include <taper/nn/linear.h>

namespace taper::nn {

// conv 1-10 5x5, max-pool 2, ReLU; conv 10-20 5x5, max-pool 2, ReLU; linear 320-50, ReLU; linear 50-classes.
//   x [N, 1, 28, 28] -> logits [N, classes].
//   Source: Qtorch+'s run on MNIST (Posit-mnist.ipynb).
struct MnistCnn : Module {
    Conv2d conv1, conv2;
    Linear fc1, fc2;
    explicit MnistCnn(Generator& generator = default_generator(), std::int64_t classes = 10);

  protected:
    Variable forward(const Variable& x) override;
};

}  // namespace taper::nn
