#include <taper/nn/data/images.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/data/idx.h>

namespace taper::nn {
namespace {

namespace fs = std::filesystem;

// `stem` is "train-images", `kind` "idx3".
fs::path find_file(const fs::path& folder, const std::string& stem, const std::string& kind) {
    const std::string name = stem + "-" + kind + "-ubyte";
    for (const std::string& candidate : {name, name + ".gz", stem + "." + kind + "-ubyte", stem + "." + kind + "-ubyte.gz"})
        if (fs::is_regular_file(folder / candidate)) return folder / candidate;
    throw Error(fmt::format("load_idx_folder: a file is missing: {} in {} (want it plain or with .gz)", name, folder.string()));
}

ImageClassification load_split(const fs::path& folder, const std::string& split) {
    const fs::path image_file = find_file(folder, split + "-images", "idx3"), label_file = find_file(folder, split + "-labels", "idx1");
    Idx images = read_idx(image_file, 3), labels = read_idx(label_file, 1);
    if (images.sizes[0] != labels.sizes[0])
        throw Error(fmt::format("load_idx_folder: counts differ: {} has {} images, {} has {} labels (want as many)", image_file.string(), images.sizes[0],
                                label_file.string(), labels.sizes[0]));
    if (images.values.empty())
        throw Error(fmt::format("load_idx_folder: no images: {} is {} (want no size of 0)", image_file.string(), Shape(images.sizes).str()));
    ImageClassification data;
    const auto wrong = std::find_if(labels.values.begin(), labels.values.end(), [&](std::uint8_t label) { return label >= data.classes; });
    if (wrong != labels.values.end())
        throw Error(fmt::format("load_idx_folder: label out of range: {} holds {} at byte {} (want less than {})", label_file.string(), *wrong,
                                8 + (wrong - labels.values.begin()), data.classes));
    data.shape = {images.sizes[0], 1, images.sizes[1], images.sizes[2]};
    data.images = std::move(images.values);
    data.labels = std::move(labels.values);
    return data;
}

double four_decimals(double value) { return std::round(value * 10000) / 10000; }

}  // namespace

void ImageClassification::check() const {
    if (shape.rank() != 4 || labels.empty() || shape[0] != size() || shape.elements() != static_cast<std::int64_t>(images.size()))
        throw Error(fmt::format("ImageClassification: sizes do not fit: shape {}, {} pixels, {} labels (want [N, C, H, W], N > 0)", shape.str(), images.size(),
                                labels.size()));
    const auto wrong = std::find_if(labels.begin(), labels.end(), [&](std::uint8_t label) { return label >= classes; });
    if (wrong != labels.end())
        throw Error(fmt::format("ImageClassification: label out of range: {} at {} (want less than {})", *wrong, wrong - labels.begin(), classes));
}

Normalisation measure_normalisation(const std::vector<std::uint8_t>& pixels) {
    std::array<std::int64_t, 256> histogram{};
    for (const std::uint8_t pixel : pixels) ++histogram[pixel];
    const double count = std::max<double>(1, static_cast<double>(pixels.size()));
    double sum = 0, squares = 0;
    for (int pixel = 0; pixel < 256; ++pixel) sum += static_cast<double>(histogram[pixel]) * pixel / 255;
    const double mean = sum / count;
    for (int pixel = 0; pixel < 256; ++pixel) squares += static_cast<double>(histogram[pixel]) * (pixel / 255.0 - mean) * (pixel / 255.0 - mean);
    const double deviation = four_decimals(std::sqrt(squares / count));
    return {static_cast<float>(four_decimals(mean)), deviation > 0 ? static_cast<float>(deviation) : 1.0f};
}

ImageSets load_idx_folder(const std::filesystem::path& folder) {
    if (!fs::is_directory(folder)) throw Error(fmt::format("load_idx_folder: no such folder: {}", folder.string()));
    ImageSets sets{load_split(folder, "train"), load_split(folder, "t10k")};
    const Shape& a = sets.train.shape;
    const Shape& b = sets.test.shape;
    if (a[2] != b[2] || a[3] != b[3])
        throw Error(fmt::format("load_idx_folder: image sizes differ: train is {}, t10k is {} in {}", a.str(), b.str(), folder.string()));
    sets.train.normalisation = sets.test.normalisation = measure_normalisation(sets.train.images);
    return sets;
}

std::filesystem::path find_fashion_mnist() {
    const fs::path folder = "/usr/share/datasets/fashion-mnist";
    if (!fs::is_directory(folder))
        throw Error(
            fmt::format("find_fashion_mnist: no such folder: {} (want Debian's package: apt install dataset-fashion-mnist; or name a folder: --data DIR)",
                        folder.string()));
    return folder;
}

}  // namespace taper::nn
