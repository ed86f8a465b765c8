#include <taper/nn/data/data_files.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::nn {

namespace fs = std::filesystem;

std::filesystem::path find_data_file(const std::filesystem::path& folder, const std::string& name, const std::string& op) {
    for (const std::string& candidate : {name, name + ".gz"})
        if (fs::is_regular_file(folder / candidate)) return folder / candidate;
    if (const fs::path packed = folder / (name + ".xz"); fs::is_regular_file(packed))
        throw Error(fmt::format("{}: xz is not read: {} (want it unpacked: xz -dk {})", op, packed.string(), packed.string()));
    throw Error(fmt::format("{}: a file is missing: {} in {} (want it plain or with .gz)", op, name, folder.string()));
}

std::vector<std::string> read_class_names(const std::filesystem::path& file, std::int64_t count, const std::string& op) {
    std::vector<std::string> names;
    if (!fs::is_regular_file(file)) return names;
    std::ifstream stream(file);
    for (std::string line; static_cast<std::int64_t>(names.size()) <= count && std::getline(stream, line);) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (!line.empty()) names.push_back(line);
    }
    if (static_cast<std::int64_t>(names.size()) != count)
        throw Error(fmt::format("{}: wrong number of class names: {} holds {} {} (want {}, one a line)", op, file.string(),
                                static_cast<std::int64_t>(names.size()) > count ? "more than" : "only",
                                std::min(static_cast<std::int64_t>(names.size()), count), count));
    return names;
}

ImageSets finish_sets(ImageSets sets, const std::string& op, const std::filesystem::path& folder) {
    const Shape &a = sets.train.shape, &b = sets.test.shape;
    if (a[1] != b[1] || a[2] != b[2] || a[3] != b[3])
        throw Error(fmt::format("{}: image sizes differ: train is {}, test is {} in {}", op, a.str(), b.str(), folder.string()));
    sets.train.normalisation = sets.test.normalisation = measure_normalisation(sets.train.images, a);
    return sets;
}

}  // namespace taper::nn
