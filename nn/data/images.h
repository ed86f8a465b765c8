// Image classification data in host memory: uint8 pixels, labels, and how pixels become numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <taper/core/shape.h>

namespace taper::nn {

// Pixel p of channel c becomes (p / 255 - mean[c]) / deviation[c], in float32, each operation rounded.
struct Normalisation {
    std::vector<float> mean = {0}, deviation = {1};  // one number a channel, or one for all channels
    float operator()(std::uint8_t pixel, std::int64_t channel = 0) const {
        return (static_cast<float>(pixel) / 255.0f - of(mean, channel)) / of(deviation, channel);
    }
    friend bool operator==(const Normalisation&, const Normalisation&) = default;

  private:
    static float of(const std::vector<float>& numbers, std::int64_t channel) {
        return numbers.size() == 1 ? numbers[0] : numbers[static_cast<std::size_t>(channel)];
    }
};

// ImageNet's published constants, red, green, blue: means 0.485, 0.456, 0.406; deviations 0.229, 0.224, 0.225.
Normalisation imagenet_normalisation();

struct ImageClassification {
    std::vector<std::uint8_t> images;  // [N, C, H, W], row-major
    std::vector<std::uint8_t> labels;  // [N]
    Shape shape;                       // [N, C, H, W]
    std::int64_t classes = 10;
    std::vector<std::string> class_names;  // [classes], or empty where the data set names none
    Normalisation normalisation;
    std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
    // Throws Error if there is no image, the sizes do not fit each other, a label is out of range, or the normalisation does not fit the
    // channels (want one mean and one deviation for all, or one for each; finite; deviations above 0).
    void check() const;
};

// Mean and standard deviation of pixel / 255 of each channel, rounded to four decimals as they are usually published: 0.2860 and 0.3530
// for Fashion-MNIST, 0.1307 and 0.3081 for MNIST; 0.4914, 0.4822, 0.4465 and 0.2470, 0.2435, 0.2616 for CIFAR-10.  A deviation of 0 becomes 1.
//   pixels [N, C, H, W] of that shape.
Normalisation measure_normalisation(const std::vector<std::uint8_t>& pixels, const Shape& shape);

struct ImageSets {
    ImageClassification train, test;  // both normalised as measured over `train`
};
// Reads {train,t10k}-{images-idx3,labels-idx1}-ubyte of a folder, plain or with .gz ("." for the last "-" too, as some mirrors have it).
// Throws Error as read_idx does; on a missing file; on a count, size or label that does not fit.
ImageSets load_idx_folder(const std::filesystem::path& folder);

// Where Debian's package dataset-fashion-mnist keeps its files; throws Error, which says how to get them, if they are not there.
std::filesystem::path find_fashion_mnist();

}  // namespace taper::nn
