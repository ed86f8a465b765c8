#include <taper/nn/data/cifar.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/data/byte_reader.h>
#include <taper/nn/data/data_files.h>

namespace taper::nn {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t pixels = 3 * 32 * 32;

void check_label(std::uint8_t label, int limit, std::uint64_t at, const std::string& name) {
    if (label >= limit) throw Error(fmt::format("read_cifar: label out of range: {} holds {} at byte {} (want less than {})", name, label, at, limit));
}

void append_file(const fs::path& file, Cifar kind, ImageClassification& data) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw Error(fmt::format("read_cifar: the file cannot be opened: {}", file.string()));
    read_cifar(stream, file.string(), kind, data);
}

ImageSets load(const fs::path& folder, Cifar kind, const std::string& op) {
    if (!fs::is_directory(folder)) throw Error(fmt::format("{}: no such folder: {}", op, folder.string()));
    const bool ten = kind == Cifar::ten;
    const fs::path inner = folder / (ten ? "cifar-10-batches-bin" : "cifar-100-binary"), place = fs::is_directory(inner) ? inner : folder;
    ImageSets sets;
    if (ten)
        for (int batch = 1; batch <= 5; ++batch) append_file(find_data_file(place, fmt::format("data_batch_{}.bin", batch), op), kind, sets.train);
    else
        append_file(find_data_file(place, "train.bin", op), kind, sets.train);
    append_file(find_data_file(place, ten ? "test_batch.bin" : "test.bin", op), kind, sets.test);
    sets.train.class_names = sets.test.class_names = read_class_names(place / (ten ? "batches.meta.txt" : "fine_label_names.txt"), sets.train.classes, op);
    return finish_sets(std::move(sets), op, place);
}

}  // namespace

void read_cifar(std::istream& stream, const std::string& name, Cifar kind, ImageClassification& data) {
    const std::size_t label_bytes = kind == Cifar::ten ? 1 : 2, bytes = label_bytes + pixels;
    data.classes = kind == Cifar::ten ? 10 : 100;
    ByteReader reader(stream, name);
    std::vector<std::uint8_t> record(bytes);
    std::int64_t records = 0;
    for (;; ++records) {
        const std::uint64_t at = reader.position();
        const std::size_t got = reader.read(record.data(), bytes);
        if (got == 0 && records > 0) break;
        if (got < bytes)
            throw Error(fmt::format("read_cifar: a record ends early: {} has {} bytes after {} records (want records of {} bytes)", name, got, records, bytes));
        if (kind == Cifar::hundred) check_label(record[0], 20, at, name);
        check_label(record[label_bytes - 1], static_cast<int>(data.classes), at + label_bytes - 1, name);
        data.labels.push_back(record[label_bytes - 1]);
        data.images.insert(data.images.end(), record.begin() + static_cast<std::ptrdiff_t>(label_bytes), record.end());
    }
    data.shape = {data.size(), 3, 32, 32};
}

ImageSets load_cifar10(const std::filesystem::path& folder) { return load(folder, Cifar::ten, "load_cifar10"); }
ImageSets load_cifar100(const std::filesystem::path& folder) { return load(folder, Cifar::hundred, "load_cifar100"); }

}  // namespace taper::nn
