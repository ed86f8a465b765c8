#include "features.h"

#include <vector>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::apps {
namespace {

constexpr std::int64_t batch_size = 500, width = 84;
constexpr const char* how_to = "want a checkpoint of float32 training on the same data: lenet --epochs 3 --save FILE";

NamedTensors read_weights(const std::filesystem::path& file) {
    if (!std::filesystem::is_regular_file(file)) throw Error(fmt::format("features: no such file: {} ({})", file.string(), how_to));
    const std::string prefix = "model.";
    NamedTensors weights;
    for (const auto& [name, tensor] : load(file).tensors) {
        if (name.rfind(prefix, 0) == 0) weights[name.substr(prefix.size())] = tensor;
    }
    return weights;
}

}  // namespace

LenetDistance::LenetDistance(const std::filesystem::path& checkpoint, const nn::ImageSets& data) : normalisation_(data.train.normalisation) {
    const NamedTensors weights = read_weights(checkpoint);
    try {
        model_.load(weights);
    } catch (const Error& error) {
        throw Error(fmt::format("features: not a LeNet-5: {}: {} ({})", checkpoint.string(), error.what(), how_to));
    }
    for (const auto& [name, tensor] : weights)
        if (tensor.format() != Format::float32())
            throw Error(fmt::format("features: not a float32 network: {} has {} in {} ({})", checkpoint.string(), name, tensor.format().name(), how_to));
    model_.eval();
    real_ = features(data.test);
}

double LenetDistance::operator()(const nn::ImageClassification& images) { return frechet_distance(features(images), real_); }

Gaussian LenetDistance::features(const nn::ImageClassification& images) {
    if (images.shape[1] != 1 || images.shape[2] != 28 || images.shape[3] != 28)
        throw Error(fmt::format("features: images of another size: {} (want [N, 1, 28, 28], what LeNet-5 reads)", images.shape.str()));
    const NoGrad no_grad;
    nn::ImageClassification read = images;
    read.normalisation = normalisation_;
    const nn::DataLoader loader(read, {.batch_size = batch_size, .shuffle = false});
    std::vector<float> rows;
    nn::BatchStream batches = loader.epoch(0);
    for (const nn::Batch& batch : batches) {
        const auto values = model_.features(batch.images.to(default_device())).value().to_vector();
        rows.insert(rows.end(), values.begin(), values.end());
    }
    return fit_gaussian(rows, width);
}

}  // namespace taper::apps
