// LeNet-5 for 28 x 28 grey images in ten classes; 61,706 parameters.
#pragma once

#include <cstdint>

#include <taper/nn/conv2d.h>
#include <taper/nn/linear.h>

namespace taper::nn {

// conv 1-6 5x5 pad 2, max-pool 2, ReLU; conv 6-16 5x5, max-pool 2, ReLU; conv 16-120 5x5, ReLU; linear 120-84, ReLU; linear 84-classes.
//   x [N, 1, 28, 28] -> logits [N, classes].
//   Source: LeCun et al. 1998, with max-pooling and ReLU as is usual today.
struct LeNet5 : Module {
    Conv2d conv1, conv2, conv3;
    Linear fc1, fc2;
    explicit LeNet5(Generator& generator = default_generator(), std::int64_t classes = 10);
    Variable features(const Variable& x);  // what fc2 reads: [N, 84]

  protected:
    Variable forward(const Variable& x) override;
};

}  // namespace taper::nn
