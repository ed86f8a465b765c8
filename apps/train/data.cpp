#include <taper/train/data.h>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/data/image_folder.h>

namespace taper::train {
namespace {

std::filesystem::path folder_of(const App& app, const DataOptions& options) {
    if (!options.folder.empty()) return options.folder;
    if (!app.default_folder) throw Error(fmt::format("no data: --data is not given (want a {})", app.data_help));
    return app.default_folder();
}

nn::ImageSets read(const App& app, const Model& model, const std::filesystem::path& folder) {
    if (app.load) return app.load(folder);
    if (model.image.rank() == 0) return nn::load_images(folder);
    return nn::load_images(folder, {.colour = model.image[0] == 1 ? nn::Colour::grey : nn::Colour::rgb, .side = model.image[1]});
}

void cut(nn::ImageClassification& images, std::int64_t limit) {
    if (limit == 0 || limit >= images.size()) return;
    const std::size_t pixels = images.images.size() / images.labels.size();
    images.labels.resize(static_cast<std::size_t>(limit));
    images.images.resize(images.labels.size() * pixels);
    images.shape = {limit, images.shape[1], images.shape[2], images.shape[3]};
}

}  // namespace

nn::ImageSets load_data(const App& app, const Model& model, const DataOptions& options) {
    const std::filesystem::path folder = folder_of(app, options);
    nn::ImageSets sets = read(app, model, folder);
    const Shape& shape = sets.train.shape;
    const Shape image{shape[1], shape[2], shape[3]};
    if (model.image.rank() != 0 && image != model.image)
        throw Error(fmt::format("{}: images of another size: {} has {} (want {})", model.name, folder.string(), image.str(), model.image.str()));
    for (nn::ImageClassification* set : {&sets.train, &sets.test}) {
        if (model.normalisation) set->normalisation = *model.normalisation;
        if (!options.mean.empty()) set->normalisation.mean = options.mean;
        if (!options.deviation.empty()) set->normalisation.deviation = options.deviation;
        set->check();
    }
    cut(sets.train, options.limit);
    return sets;
}

}  // namespace taper::train
