#include "images.h"

#include <random>
#include <string>

#include "program.h"

namespace taper::test {
namespace {

namespace fs = std::filesystem;

std::string big_endian(std::uint32_t value) {
    std::string bytes;
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift & 0xff);
    return bytes;
}

void append_image(std::string& bytes, std::uint32_t label, std::uint32_t side, std::mt19937& random) {
    for (std::uint32_t row = 0; row < side; ++row)
        for (std::uint32_t column = 0; column < side; ++column) bytes += static_cast<char>(random() % 64 + (row / 2 == label + 2 ? 160 : 0));
}

// One split; its seed is its number of letters.
void write_idx_split(const fs::path& folder, const std::string& split, std::uint32_t count, std::uint32_t side) {
    std::mt19937 random(static_cast<std::uint32_t>(split.size()));
    std::string images = big_endian(0x803) + big_endian(count) + big_endian(side) + big_endian(side), labels = big_endian(0x801) + big_endian(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        labels += static_cast<char>(i % 10);
        append_image(images, i % 10, side, random);
    }
    write_file(folder / (split + "-images-idx3-ubyte"), images);
    write_file(folder / (split + "-labels-idx1-ubyte"), labels);
}

void write_cifar10_file(const fs::path& file, std::uint32_t count, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::string records;
    for (std::uint32_t i = 0; i < count; ++i) {
        records += static_cast<char>(i % 10);
        for (int channel = 0; channel < 3; ++channel) append_image(records, i % 10, 32, random);
    }
    write_file(file, records);
}

}  // namespace

void write_idx_images(const fs::path& folder, Counts counts, std::uint32_t side) {
    write_idx_split(folder, "train", counts.train, side);
    write_idx_split(folder, "t10k", counts.test, side);
}

void write_cifar10_images(const fs::path& folder, Counts counts) {
    for (std::uint32_t batch = 1; batch <= 5; ++batch) write_cifar10_file(folder / ("data_batch_" + std::to_string(batch) + ".bin"), counts.train / 5, batch);
    write_cifar10_file(folder / "test_batch.bin", counts.test, 6);
}

}  // namespace taper::test
