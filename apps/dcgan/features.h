// The Frechet distance of sets of images on the 84 features of a LeNet-5 that lenet trained.
#pragma once

#include <cstdint>
#include <filesystem>

#include <taper/nn/nn.h>

#include "common/frechet.h"

namespace taper::apps {

// Not the FID of the literature, which reads another network: distances on one LeNet-5 compare with each other alone.
class LenetDistance {
  public:
    // Reads a checkpoint of a float32 run of lenet on the same data, whose images it normalises as measured, as lenet does, and takes data.test's features.
    // Throws Error, which says how to make one, if there is no such file or it is something else; and for images that are not 1 x 28 x 28.
    LenetDistance(const std::filesystem::path& checkpoint, const nn::ImageSets& data);

    // Of `images` from the test images.
    double operator()(const nn::ImageClassification& images);

  private:
    Gaussian features(const nn::ImageClassification& images);
    nn::LeNet5 model_;
    nn::Normalisation normalisation_;
    Gaussian real_;
};

}  // namespace taper::apps
