#include <taper/nn/data/images.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/data/data_files.h>
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

using Histogram = std::array<std::int64_t, 256>;

void append_moments(const Histogram& histogram, double count, Normalisation& out) {
    double sum = 0, squares = 0;
    for (std::size_t pixel = 0; pixel < 256; ++pixel) sum += static_cast<double>(histogram[pixel]) * static_cast<double>(pixel) / 255;
    const double mean = sum / count;
    for (std::size_t pixel = 0; pixel < 256; ++pixel) {
        const double distance = static_cast<double>(pixel) / 255 - mean;
        squares += static_cast<double>(histogram[pixel]) * distance * distance;
    }
    const double deviation = four_decimals(std::sqrt(squares / count));
    out.mean.push_back(static_cast<float>(four_decimals(mean)));
    out.deviation.push_back(deviation > 0 ? static_cast<float>(deviation) : 1.0f);
}

void check_normalisation(const Normalisation& n, std::int64_t channels) {
    const auto count = static_cast<std::size_t>(channels);
    const auto fits = [&](const std::vector<float>& numbers) { return numbers.size() == 1 || numbers.size() == count; };
    const bool good = std::all_of(n.mean.begin(), n.mean.end(), [](float m) { return std::isfinite(m); })
                      && std::all_of(n.deviation.begin(), n.deviation.end(), [](float d) { return std::isfinite(d) && d > 0; });
    if (!good || !fits(n.mean) || !fits(n.deviation))
        throw Error(
            fmt::format("ImageClassification: the normalisation does not fit: means [{}], deviations [{}] (want one finite mean and one deviation "
                        "above 0 for all channels, or {} of each)",
                        fmt::join(n.mean, ", "), fmt::join(n.deviation, ", "), channels));
}

}  // namespace

void ImageClassification::check() const {
    if (shape.rank() != 4 || labels.empty() || shape[0] != size() || shape.elements() != static_cast<std::int64_t>(images.size()))
        throw Error(fmt::format("ImageClassification: sizes do not fit: shape {}, {} pixels, {} labels (want [N, C, H, W], N > 0)", shape.str(), images.size(),
                                labels.size()));
    const auto wrong = std::find_if(labels.begin(), labels.end(), [&](std::uint8_t label) { return label >= classes; });
    if (wrong != labels.end())
        throw Error(fmt::format("ImageClassification: label out of range: {} at {} (want less than {})", *wrong, wrong - labels.begin(), classes));
    check_normalisation(normalisation, shape[1]);
}

Normalisation imagenet_normalisation() { return {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}}; }

Normalisation measure_normalisation(const std::vector<std::uint8_t>& pixels, const Shape& shape) {
    const auto channels = static_cast<std::size_t>(shape[1]), plane = static_cast<std::size_t>(shape[2] * shape[3]);
    std::vector<Histogram> histograms(channels);
    for (std::size_t first = 0, channel = 0; first < pixels.size(); first += plane, channel = (channel + 1) % channels)
        for (std::size_t i = 0; i < plane; ++i) ++histograms[channel][pixels[first + i]];
    Normalisation measured{{}, {}};
    for (const Histogram& histogram : histograms) append_moments(histogram, static_cast<double>(shape[0]) * static_cast<double>(plane), measured);
    return measured;
}

ImageSets load_idx_folder(const std::filesystem::path& folder) {
    if (!fs::is_directory(folder)) throw Error(fmt::format("load_idx_folder: no such folder: {}", folder.string()));
    return finish_sets({load_split(folder, "train"), load_split(folder, "t10k")}, "load_idx_folder", folder);
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
