// Grids of images as PNG files, through stb_image_write.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <taper/core/shape.h>

namespace taper::apps {

// Draws images [N, C, H, W] of bytes row by row, `columns` in each, 2 black pixels around every one; C is 1 (grey) or 3 (red, green, blue).
// The file is replaced as a whole.  Throws Error naming it, also if the sizes do not fit.
void write_grid(const std::filesystem::path& png, const std::vector<std::uint8_t>& images, const Shape& shape, std::int64_t columns);

}  // namespace taper::apps
