#include <taper/nn/data/augment.h>

#include <algorithm>
#include <cstring>

#include <taper/formats/philox.h>

namespace taper::nn {
namespace {

constexpr std::uint64_t augment_tag = 0x6175676d656e74;  // "augment": keeps these draws apart from the generators' streams

std::int64_t scaled(std::uint32_t word, std::int64_t count) { return static_cast<std::int64_t>(std::uint64_t{word} * static_cast<std::uint64_t>(count) >> 32); }

// The row or column of an image of `size` that shows at `position`; less than 0 for padding of zeros.
std::int64_t source(std::int64_t position, std::int64_t size, Padding padding) {
    if (position >= 0 && position < size) return position;
    if (padding == Padding::zero) return -1;
    return position < 0 ? -position : 2 * (size - 1) - position;
}

// One row of the image, moved by `shift` to the left.
void shift_row(const std::uint8_t* row, std::int64_t width, std::int64_t shift, Padding padding, std::uint8_t* out) {
    const std::int64_t begin = std::max<std::int64_t>(0, -shift), end = std::min(width, width - shift);
    const auto fill = [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t j = from; j < to; ++j) {
            const std::int64_t column = source(j + shift, width, padding);
            out[j] = column < 0 ? 0 : row[column];
        }
    };
    fill(0, begin);
    std::memcpy(out + begin, row + begin + shift, static_cast<std::size_t>(end - begin));
    fill(end, width);
}

}  // namespace

CropFlip draw_crop_flip(const Augmentation& augmentation, std::uint64_t seed, std::uint64_t epoch, std::uint64_t sample) {
    const Philox4 key = philox(seed, 0, augment_tag);
    const Philox4 draw = philox(key.word[0] | std::uint64_t{key.word[1]} << 32, sample, epoch);
    const std::int64_t places = 2 * augmentation.crop_padding + 1;
    return {scaled(draw.word[0], places), scaled(draw.word[1], places), augmentation.flip && draw.word[2] >> 31 != 0};
}

void crop_flip(const std::uint8_t* image, const ImageSize& size, const Augmentation& augmentation, const CropFlip& where, std::uint8_t* out) {
    const std::int64_t down = where.top - augmentation.crop_padding, right = where.left - augmentation.crop_padding;
    for (std::int64_t c = 0; c < size.channels; ++c, image += size.height * size.width)
        for (std::int64_t i = 0; i < size.height; ++i, out += size.width) {
            const std::int64_t row = source(i + down, size.height, augmentation.padding);
            if (row < 0)
                std::memset(out, 0, static_cast<std::size_t>(size.width));
            else
                shift_row(image + row * size.width, size.width, right, augmentation.padding, out);
            if (where.flip) std::reverse(out, out + size.width);
        }
}

}  // namespace taper::nn
