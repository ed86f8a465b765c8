// LenetStep: one training step of LeNet-5 on a batch that lies in memory.
#pragma once

#include <cstdint>

#include <taper/nn/nn.h>

namespace taper::bench {

class LenetStep {
  public:
    explicit LenetStep(const nn::Recipe& recipe, std::int64_t batch = 64);
    // Forward, loss, backward, SGD with momentum.
    void operator()();

  private:
    nn::LeNet5 model_;
    nn::Sgd sgd_;
    Tensor images_, labels_;
};

}  // namespace taper::bench
