// Fuzz target: any bytes as an image file give an image of the size it says or an Error, and memory in proportion to them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <taper/formats/error.h>
#include <taper/nn/data/image_folder.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const taper::nn::DecodedImage image = taper::nn::decode_image({data, size}, "input");
        if (static_cast<std::int64_t>(image.pixels.size()) != image.channels * image.height * image.width) std::abort();
        if (image.pixels.size() > 3 * 10000 * size) std::abort();
    } catch (const taper::Error&) {
    }
    return 0;
}
