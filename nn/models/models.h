// The classifiers of nn/models by name, with what their data look like.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <taper/core/random.h>
#include <taper/nn/module.h>

namespace taper::nn {

struct ModelEntry {
    const char* name;
    Shape image;              // [C, H, W]
    std::int64_t classes;     // of the data set it is usually trained on
    std::int64_t parameters;  // with that many classes
    // Of pixel / 255, one number a channel, as in the runs that published results: inputs are (pixel / 255 - mean) / deviation.
    std::vector<float> mean, deviation;
    std::unique_ptr<Module> (*make)(std::int64_t classes, Generator& generator);
};

// lenet5, mnist_cnn, preresnet20, preresnet32, preresnet56, resnet20, resnet32, resnet44, resnet56, resnet18, resnet9, vgg11, vgg16.
const std::vector<ModelEntry>& model_table();
// Throws Error, listing the names, if there is none of that name.
const ModelEntry& find_model(const std::string& name);
// A model of the table; throws Error as find_model does, and for less than one class.
std::unique_ptr<Module> make_model(const std::string& name, std::int64_t classes, Generator& generator = default_generator());

}  // namespace taper::nn
