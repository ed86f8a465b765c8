#include <taper/nn/data/resize.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <taper/formats/error.h>

#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_STATIC
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image_resize.h>
#pragma GCC diagnostic pop

namespace taper::nn {

DecodedImage resize_middle_square(const DecodedImage& image, std::int64_t side) {
    const std::int64_t square = std::min(image.height, image.width), top = (image.height - square) / 2, left = (image.width - square) / 2;
    DecodedImage out{{}, image.channels, side, side};
    out.pixels.resize(static_cast<std::size_t>(image.channels * side * side));
    const int from = static_cast<int>(square), to = static_cast<int>(side), stride = static_cast<int>(image.width);
    for (std::int64_t c = 0; c < image.channels; ++c) {
        const std::uint8_t* plane = image.pixels.data() + (c * image.height + top) * image.width + left;
        std::uint8_t* result = out.pixels.data() + c * side * side;
        if (!stbir_resize_uint8_generic(plane, from, from, stride, result, to, to, to, 1, STBIR_ALPHA_CHANNEL_NONE, 0, STBIR_EDGE_CLAMP, STBIR_FILTER_TRIANGLE,
                                        STBIR_COLORSPACE_LINEAR, nullptr))
            throw Error(fmt::format("resize_middle_square: no memory: from {} to {} pixels a side", square, side));
    }
    return out;
}

}  // namespace taper::nn
