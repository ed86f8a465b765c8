#include "common/png.h"

#include <algorithm>
#include <string>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <fmt/format.h>
#include <stb_image_write.h>

#include <taper/formats/error.h>

#include "common/text.h"

namespace taper::apps {
namespace {

constexpr std::int64_t border = 2;

void append(void* to, void* bytes, int count) { static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), static_cast<std::size_t>(count)); }

}  // namespace

void write_grid(const std::filesystem::path& png, const std::vector<std::uint8_t>& images, const Shape& shape, std::int64_t columns) {
    const bool fits = shape.rank() == 4 && shape.elements() == static_cast<std::int64_t>(images.size()) && !images.empty() && columns > 0;
    if (!fits || (shape[1] != 1 && shape[1] != 3))
        throw Error(fmt::format("write_grid: sizes do not fit: {} bytes for {} in {} columns of {} (want [N, 1 or 3, H, W])", images.size(), shape.str(),
                                columns, png.string()));
    const std::int64_t n = shape[0], channels = shape[1], height = shape[2], width = shape[3];
    const std::int64_t across = std::min(columns, n), down = (n + across - 1) / across;
    const std::int64_t all_width = across * (width + border) + border, all_height = down * (height + border) + border;
    std::vector<std::uint8_t> canvas(static_cast<std::size_t>(all_width * all_height * channels));
    for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t c = 0; c < channels; ++c)
            for (std::int64_t y = 0; y < height; ++y)
                for (std::int64_t x = 0; x < width; ++x) {
                    const std::int64_t row = border + i / across * (height + border) + y, column = border + i % across * (width + border) + x;
                    canvas[static_cast<std::size_t>((row * all_width + column) * channels + c)] =
                        images[static_cast<std::size_t>(((i * channels + c) * height + y) * width + x)];
                }
    std::string file;
    const auto wide = static_cast<int>(all_width), high = static_cast<int>(all_height), parts = static_cast<int>(channels);
    if (stbi_write_png_to_func(append, &file, wide, high, parts, canvas.data(), wide * parts) == 0)
        throw Error(fmt::format("write_grid: cannot be encoded: {} x {} pixels for {}", wide, high, png.string()));
    replace_file(png, file);
}

}  // namespace taper::apps
