#include <fmt/format.h>

#include <taper/nn/models/models.h>
#include <taper/train/app.h>

#include "common/text.h"

namespace taper::train {

std::vector<Model> find_models(const std::vector<std::string>& names) {
    std::vector<Model> models;
    for (const std::string& name : names) {
        const nn::ModelEntry& entry = nn::find_model(name);
        const auto make = [&entry](const nn::ImageClassification& images, Generator& generator) { return entry.make(images.classes, generator); };
        models.push_back({.name = name,
                          .description = fmt::format("{} parameters", apps::with_commas(entry.parameters)),
                          .make = make,
                          .image = entry.image,
                          .normalisation = nn::Normalisation{entry.mean, entry.deviation}});
    }
    return models;
}

}  // namespace taper::train
