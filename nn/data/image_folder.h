// Folders of images, one subfolder a class, and one reader for every kind of image data set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <taper/nn/data/images.h>

namespace taper::nn {

enum class Colour { as_first, grey, rgb };  // as_first: grey if the first image is, else RGB; alpha is dropped, grey is 77 R + 150 G + 29 B over 256

struct ImageFolderOptions {
    Colour colour = Colour::as_first;
    // 0: all images must have one size.  Else, at most 4096: the middle square of each is resized to side x side with the triangle filter
    // (bilinear where it grows, an average where it shrinks).
    std::int64_t side = 0;
};

struct DecodedImage {
    std::vector<std::uint8_t> pixels;  // [C, H, W]
    std::int64_t channels = 0, height = 0, width = 0;
};

// Decodes a PNG, JPEG or BMP file (by its content; 16 bits a channel keep the upper 8) with stb_image; `name` is what errors call it.
// Hostile bytes are expected: a header is believed up to 2^26 pixels and 10,000 pixels a byte of the file before memory is taken.
// Throws one Error that names the file: not an image, too large, damaged or cut.
DecodedImage decode_image(std::span<const std::uint8_t> file, const std::string& name, Colour colour = Colour::as_first);

// FOLDER/{train,test}/CLASS/IMAGE: the classes are the subfolders of train/ in the order of their names (bytes), which test/ may not exceed;
// within a class the files go by name; hidden files are passed over.  All images are decoded at once and kept as bytes.
// Throws Error as decode_image does; on no class or more than 256, no image, an image of another size.
ImageSets load_image_folder(const std::filesystem::path& folder, const ImageFolderOptions& options = {});

// Whichever kind of data set a folder holds: idx files, CIFAR-10, CIFAR-100 or train/ and test/ of images, looked for in this order.  Throws
// Error, which says what is looked for and where such data are had, if there is none; else as the reader of that kind.
ImageSets load_images(const std::filesystem::path& folder, const ImageFolderOptions& options = {});

}  // namespace taper::nn
