#include <taper/nn/data/image_folder.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/data/cifar.h>
#include <taper/nn/data/data_files.h>
#include <taper/nn/data/resize.h>

namespace taper::nn {
namespace {

namespace fs = std::filesystem;

// The entries of a folder of one kind by name, without hidden ones.
std::vector<fs::path> entries(const fs::path& folder, bool folders) {
    std::vector<fs::path> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
        if (entry.path().filename().string().front() != '.' && (folders ? entry.is_directory() : entry.is_regular_file())) found.push_back(entry.path());
    std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) { return a.filename().string() < b.filename().string(); });
    return found;
}

std::vector<std::uint8_t> read_bytes(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw Error(fmt::format("load_image_folder: the file cannot be opened: {}", file.string()));
    return {std::istreambuf_iterator<char>(stream), {}};
}

void append_image(const fs::path& file, std::uint8_t label, const ImageFolderOptions& options, ImageClassification& data) {
    const Colour colour = data.labels.empty() || options.colour != Colour::as_first ? options.colour : data.shape[1] == 1 ? Colour::grey : Colour::rgb;
    DecodedImage image = decode_image(read_bytes(file), file.string(), colour);
    if (options.side > 0) image = resize_middle_square(image, options.side);
    if (data.labels.empty()) data.shape = {1, image.channels, image.height, image.width};
    if (image.height != data.shape[2] || image.width != data.shape[3])
        throw Error(fmt::format("load_image_folder: an image of another size: {} is {} x {} (want {} x {}, as the first one; or set `side`)", file.string(),
                                image.width, image.height, data.shape[3], data.shape[2]));
    data.images.insert(data.images.end(), image.pixels.begin(), image.pixels.end());
    data.labels.push_back(label);
}

ImageClassification load_split(const fs::path& folder, const std::vector<std::string>& classes, const ImageFolderOptions& options) {
    ImageClassification data;
    data.classes = static_cast<std::int64_t>(classes.size());
    data.class_names = classes;
    for (const fs::path& class_folder : entries(folder, true)) {
        const auto found = std::find(classes.begin(), classes.end(), class_folder.filename().string());
        if (found == classes.end())
            throw Error(fmt::format("load_image_folder: a class that train/ lacks: {} (want one of its {})", class_folder.string(), classes.size()));
        for (const fs::path& file : entries(class_folder, false)) append_image(file, static_cast<std::uint8_t>(found - classes.begin()), options, data);
    }
    if (data.labels.empty()) throw Error(fmt::format("load_image_folder: no images: {} (want CLASS/IMAGE in it)", folder.string()));
    data.shape = {data.size(), data.shape[1], data.shape[2], data.shape[3]};
    return data;
}

// Whether one of the names is there, packed or not.
bool has_any(const fs::path& folder, std::initializer_list<const char*> names) {
    for (const std::string name : names)
        for (const char* end : {"", ".gz", ".xz"})
            if (fs::exists(folder / (name + end))) return true;
    return false;
}

}  // namespace

ImageSets load_image_folder(const std::filesystem::path& folder, const ImageFolderOptions& options) {
    if (options.side < 0 || options.side > 4096) throw Error(fmt::format("load_image_folder: the side is {} (want 0 to 4096)", options.side));
    for (const char* split : {"train", "test"})
        if (!fs::is_directory(folder / split))
            throw Error(fmt::format("load_image_folder: no such folder: {} (want train/CLASS/IMAGE and test/CLASS/IMAGE)", (folder / split).string()));
    std::vector<std::string> classes;
    for (const fs::path& entry : entries(folder / "train", true)) classes.push_back(entry.filename().string());
    if (classes.empty() || classes.size() > 256)
        throw Error(fmt::format("load_image_folder: {} classes: the subfolders of {} (want 1 to 256)", classes.size(), (folder / "train").string()));
    ImageSets sets{load_split(folder / "train", classes, options), {}};
    ImageFolderOptions same = options;
    if (same.colour == Colour::as_first) same.colour = sets.train.shape[1] == 1 ? Colour::grey : Colour::rgb;
    sets.test = load_split(folder / "test", classes, same);
    return finish_sets(std::move(sets), "load_image_folder", folder);
}

ImageSets load_images(const std::filesystem::path& folder, const ImageFolderOptions& options) {
    if (!fs::is_directory(folder)) throw Error(fmt::format("load_images: no such folder: {}", folder.string()));
    if (has_any(folder, {"train-images-idx3-ubyte", "train-images.idx3-ubyte"})) return load_idx_folder(folder);
    if (has_any(folder, {"cifar-10-batches-bin", "data_batch_1.bin"})) return load_cifar10(folder);
    if (has_any(folder, {"cifar-100-binary", "train.bin"})) return load_cifar100(folder);
    if (fs::is_directory(folder / "train")) return load_image_folder(folder, options);
    throw Error(
        fmt::format("load_images: no data set: {} (want train-images-idx3-ubyte and its kin: MNIST, or Fashion-MNIST by apt install dataset-fashion-mnist; "
                    "or data_batch_1.bin or train.bin and their kin: the \"binary version\" of CIFAR-10 or CIFAR-100 of cs.toronto.edu/~kriz/cifar.html; or "
                    "train/CLASS/IMAGE and test/CLASS/IMAGE)",
                    folder.string()));
}

}  // namespace taper::nn
