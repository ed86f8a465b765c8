// Image classification data in host memory: uint8 pixels, labels, and how pixels become numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <taper/core/shape.h>

namespace taper::nn {

// Pixel p becomes (p / 255 - mean) / deviation, in float32, each operation rounded.
struct Normalisation {
    float mean = 0;
    float deviation = 1;
    float operator()(std::uint8_t pixel) const { return (static_cast<float>(pixel) / 255.0f - mean) / deviation; }
    friend bool operator==(const Normalisation&, const Normalisation&) = default;
};

struct ImageClassification {
    std::vector<std::uint8_t> images;  // [N, C, H, W], row-major
    std::vector<std::uint8_t> labels;  // [N]
    Shape shape;                       // [N, C, H, W]
    std::int64_t classes = 10;
    Normalisation normalisation;
    std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
    // Throws Error if there is no image, the sizes do not fit each other, or a label is out of range.
    void check() const;
};

// Mean and standard deviation of pixel / 255, rounded to four decimals as they are usually published:
// 0.2860 and 0.3530 for Fashion-MNIST, 0.1307 and 0.3081 for MNIST.  A deviation of 0 becomes 1.
Normalisation measure_normalisation(const std::vector<std::uint8_t>& pixels);

struct ImageSets {
    ImageClassification train, test;  // both normalised as measured over `train`
};
// Reads {train,t10k}-{images-idx3,labels-idx1}-ubyte of a folder, plain or with .gz ("." for the last "-" too, as some mirrors have it).
// Throws Error as read_idx does; on a missing file; on a count, size or label that does not fit.
ImageSets load_idx_folder(const std::filesystem::path& folder);

// Where Debian's package dataset-fashion-mnist keeps its files; throws Error, which says how to get them, if they are not there.
std::filesystem::path find_fashion_mnist();

}  // namespace taper::nn
