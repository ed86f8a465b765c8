// Resizing decoded images.
#pragma once

#include <taper/nn/data/image_folder.h>

namespace taper::nn {

// The middle square of an image (the left or upper one of two middles) resized to side x side, side > 0, with stb_image_resize's triangle
// filter: bilinear where it grows, an average where it shrinks, borders repeated.
DecodedImage resize_middle_square(const DecodedImage& image, std::int64_t side);

}  // namespace taper::nn
