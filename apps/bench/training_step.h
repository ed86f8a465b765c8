// Training steps of networks on a batch that lies in memory.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <taper/nn/recipe.h>

namespace taper::bench {

const std::vector<std::string>& step_models();  // "lenet5", "preresnet20", "dcgan64"

// A call is one step: forward, loss, backward, update, on the default device, which has done it when the call returns; in one launch.
//   lenet5       batch 64 of [1, 28, 28], cross entropy, SGD with momentum 0.5
//   preresnet20  batch 128 of [3, 32, 32], cross entropy, SGD with momentum 0.9 and weight decay 5e-4
//   dcgan64      batch 64 of [3, 64, 64], latent 100, Adam 2e-4 with beta1 0.5: the discriminator on real and on made images, then the generator
//                through the discriminator as it is now, whose weights need no gradient
// Throws Error for another model.
std::function<void()> training_step(const std::string& model, const nn::Recipe& recipe);

}  // namespace taper::bench
