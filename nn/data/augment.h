// Augmentation: random crops and flips of uint8 images, drawn by (seed, epoch, sample) alone.
#pragma once

#include <cstdint>

namespace taper::nn {

// What lies around an image: pixels of value 0 (before the normalisation, as torchvision pads PIL images), or the image mirrored at its border
// pixels, which are not repeated (-1 is 1).
enum class Padding { zero, reflect };

struct Augmentation {
    std::int64_t crop_padding = 0;  // pads every side by so many pixels, then crops the old size at a random place; less than height and width
    Padding padding = Padding::zero;
    bool flip = false;  // mirrors left and right with probability 1/2, after the crop
    bool any() const { return crop_padding > 0 || flip; }
};

// Where one sample is cropped: row and column 0 .. 2 crop_padding of the padded image; both are crop_padding where nothing moves.
struct CropFlip {
    std::int64_t top = 0, left = 0;
    bool flip = false;
};

// The draw of a sample (its index in the data set) in an epoch.  With (w0, w1, w2, .) = Philox4x32-10(key k, counter (sample, epoch)) and k
// the first two words of Philox4x32-10(key seed, counter (0, "augment")):
//   top = floor(w0 (2 p + 1) / 2^32), left = floor(w1 (2 p + 1) / 2^32), flipped if w2 >= 2^31.
// It depends on no batch size, thread, order or earlier draw.
CropFlip draw_crop_flip(const Augmentation& augmentation, std::uint64_t seed, std::uint64_t epoch, std::uint64_t sample);

struct ImageSize {
    std::int64_t channels, height, width;
    std::int64_t pixels() const { return channels * height * width; }
};

// image [C, H, W] -> out [C, H, W], apart: out[c, i, j] = padded[c, top + i, left + j], or with j' = W - 1 - j for j where flipped.
void crop_flip(const std::uint8_t* image, const ImageSize& size, const Augmentation& augmentation, const CropFlip& where, std::uint8_t* out);

}  // namespace taper::nn
