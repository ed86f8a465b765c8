// Small data sets made up for tests of programs: each class a bright bar at its own place, in noise.
#pragma once

#include <cstdint>
#include <filesystem>

namespace taper::test {

struct Counts {
    std::uint32_t train, test;
};
// {train,t10k}-{images-idx3,labels-idx1}-ubyte: side x side, ten classes in turn.
void write_idx_images(const std::filesystem::path& folder, Counts counts, std::uint32_t side = 28);
// data_batch_1.bin ... data_batch_5.bin, with a fifth of the training images each, and test_batch.bin.
void write_cifar10_images(const std::filesystem::path& folder, Counts counts);

}  // namespace taper::test
