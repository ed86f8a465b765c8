// Image folders and stb_image behind its wall: what is read, what is refused, damaged and hostile files among them.
#include <gtest/gtest.h>

#include <zlib.h>
#include <cmath>

#include <taper/nn/data/resize.h>

#include "support.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb_image_write.h>

namespace taper::nn {
namespace {

namespace fs = std::filesystem;
using tests::error_of;
using tests::TemporaryFolder;
using tests::write_file;

using Writer = int (*)(stbi_write_func*, void*, int, int, int, const void*);
int as_png(stbi_write_func* put, void* to, int w, int h, int c, const void* p) { return stbi_write_png_to_func(put, to, w, h, c, p, w * c); }
int as_bmp(stbi_write_func* put, void* to, int w, int h, int c, const void* p) { return stbi_write_bmp_to_func(put, to, w, h, c, p); }
int as_jpeg(stbi_write_func* put, void* to, int w, int h, int c, const void* p) { return stbi_write_jpg_to_func(put, to, w, h, c, p, 95); }

std::uint8_t pixel(int row, int column, int channel) { return static_cast<std::uint8_t>(20 + 9 * row + 7 * column + 40 * channel); }

// width x height, interleaved channels of pixel().
std::string written(Writer writer, int width, int height, int channels) {
    std::vector<std::uint8_t> pixels;
    for (int i = 0; i < height; ++i)
        for (int j = 0; j < width; ++j)
            for (int c = 0; c < channels; ++c) pixels.push_back(pixel(i, j, c));
    std::string bytes;
    writer([](void* to, void* part, int size) { static_cast<std::string*>(to)->append(static_cast<const char*>(part), static_cast<std::size_t>(size)); },
           &bytes, width, height, channels, pixels.data());
    return bytes;
}

DecodedImage decode(const std::string& bytes, Colour colour = Colour::as_first) {
    return decode_image({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "FILE", colour);
}
std::string decode_error(const std::string& bytes) {
    return error_of([&] { decode(bytes); });
}

std::string big_endian(std::uint32_t value) {
    return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8), static_cast<char>(value)};
}

TEST(DecodeImage, ReadsWhatWasWritten) {
    for (const int channels : {1, 2, 3, 4})
        for (const Writer writer : {Writer{as_png}, Writer{as_bmp}, Writer{as_jpeg}}) {
            if (writer != Writer{as_png} && channels != 3) continue;  // the others are written as RGB alone
            const DecodedImage image = decode(written(writer, 6, 5, channels));
            ASSERT_EQ(image.channels, channels < 3 ? 1 : 3);
            ASSERT_EQ(image.height, 5);
            ASSERT_EQ(image.width, 6);
            for (int c = 0; c < image.channels; ++c)
                for (int i = 0; i < 5; ++i)
                    for (int j = 0; j < 6; ++j)
                        ASSERT_NEAR(image.pixels[static_cast<std::size_t>((c * 5 + i) * 6 + j)], pixel(i, j, c), writer == Writer{as_jpeg} ? 12 : 0);
        }
    EXPECT_EQ(decode(written(as_png, 2, 2, 1), Colour::rgb).pixels, (std::vector<std::uint8_t>{20, 27, 29, 36, 20, 27, 29, 36, 20, 27, 29, 36}));
    EXPECT_EQ(decode(written(as_png, 1, 1, 3), Colour::grey).pixels[0], (20 * 77 + 60 * 150 + 100 * 29) >> 8);
}

TEST(DecodeImage, RefusesDamagedFilesInOneSentence) {
    const std::string png = written(as_png, 6, 5, 3), jpeg = written(as_jpeg, 6, 5, 3), bmp = written(as_bmp, 6, 5, 3);
    for (const std::string& no_image : {std::string(), std::string("hello"), std::string(5000, '\0'), png.substr(0, 20)})
        EXPECT_EQ(decode_error(no_image), "decode_image: not an image: FILE (want PNG, JPEG or BMP with a whole header, of at most 67108864 pixels)");
    for (const std::string& cut : {png.substr(0, png.size() - 12), png.substr(0, 33), jpeg.substr(0, jpeg.size() - 1), bmp.substr(0, bmp.size() - 1)})
        EXPECT_EQ(decode_error(cut), "decode_image: the file ends early: FILE after byte " + std::to_string(cut.size()));
    std::string damaged = png;
    damaged[43] ^= 1;  // in the compressed pixels
    EXPECT_EQ(decode_error(damaged).rfind("decode_image: the image is damaged: FILE (", 0), 0u) << decode_error(damaged);
}

// Headers that lie about the size are refused before memory is taken for it.
TEST(DecodeImage, RefusesHugeHeaders) {
    std::string png = written(as_png, 6, 5, 3);
    png.replace(16, 8, big_endian(16000) + big_endian(16000));
    const std::string wanted = " bytes (want at most 10000 pixels a byte and 67108864 in all)";
    EXPECT_EQ(decode_error(png), "decode_image: the header claims too much: FILE is 16000 x 16000 in " + std::to_string(png.size()) + wanted);
    png.replace(16, 8, big_endian(4000) + big_endian(4000));
    EXPECT_EQ(decode_error(png), "decode_image: the header claims too much: FILE is 4000 x 4000 in " + std::to_string(png.size()) + wanted);
    png.replace(16, 8, big_endian(1000000) + big_endian(1000000));
    EXPECT_EQ(decode_error(png), "decode_image: not an image: FILE (want PNG, JPEG or BMP with a whole header, of at most 67108864 pixels)");
    std::string chunk = written(as_png, 6, 5, 3);
    chunk.replace(33, 4, big_endian(0x3fffffff));  // the length of IDAT
    EXPECT_EQ(decode_error(chunk), "decode_image: the image is damaged: FILE (Out of memory)");
    // 64 MiB of zeros in the pixels of a 6 x 5 image.
    std::string packed(70000, '\0');
    const std::string zeros(std::size_t{1} << 26, '\0');
    uLongf size = packed.size();
    ASSERT_EQ(compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(zeros.data()), zeros.size(), 9), Z_OK);
    const std::string bomb = png.substr(0, 16) + big_endian(6) + big_endian(5) + png.substr(24, 9) + big_endian(static_cast<std::uint32_t>(size)) + "IDAT"
                             + packed.substr(0, size) + "crc." + big_endian(0) + "IENDcrc.";
    EXPECT_EQ(decode_error(bomb), "decode_image: the image is damaged: FILE (Out of memory)");
}

TEST(DecodeImage, RefusesHuffmanTablesThatStbImageWouldWritePast) {
    std::string jpeg = written(as_jpeg, 6, 5, 3);
    const std::size_t marker = jpeg.find("\xff\xc4");
    jpeg[marker + 5] = static_cast<char>(255);
    jpeg[marker + 6] = static_cast<char>(255);
    EXPECT_EQ(decode_error(jpeg),
              "decode_image: the image is damaged: FILE (a Huffman table of 521 codes at byte " + std::to_string(marker + 4) + "; want at most 256)");
    EXPECT_EQ(decode_error(jpeg.substr(0, marker + 7)),
              "decode_image: the image is damaged: FILE (a Huffman table of 510 codes at byte " + std::to_string(marker + 4) + "; want at most 256)");
}

// Every byte of small files changed or cut: an Error or an image, nothing else.
TEST(DecodeImage, SurvivesEveryCutAndFlip) {
    for (const Writer writer : {Writer{as_png}, Writer{as_bmp}, Writer{as_jpeg}}) {
        const std::string whole = written(writer, 6, 5, 3);
        for (std::size_t i = 0; i < whole.size(); ++i) {
            EXPECT_NE(decode_error(whole.substr(0, i)), "nothing was thrown") << i;
            for (int bit = 0; bit < 8; ++bit) {
                std::string changed = whole;
                changed[i] = static_cast<char>(changed[i] ^ 1 << bit);
                decode_error(changed);
            }
        }
    }
}

TEST(Resize, TakesTheMiddleSquare) {
    const DecodedImage image = decode(written(as_png, 9, 4, 3));
    const DecodedImage same = resize_middle_square(image, 4);
    const DecodedImage half = resize_middle_square(image, 2), twice = resize_middle_square(image, 8);
    for (int c = 0; c < 3; ++c) {
        for (int i = 0; i < 4; ++i)
            for (int j = 0; j < 4; ++j) ASSERT_EQ(same.pixels[static_cast<std::size_t>((c * 4 + i) * 4 + j)], pixel(i, j + 2, c));
        // The image is linear in row and column: averages that weigh both sides alike keep it so away from the border.
        for (int i = 2; i < 6; ++i)
            for (int j = 2; j < 6; ++j)
                ASSERT_NEAR(twice.pixels[static_cast<std::size_t>((c * 8 + i) * 8 + j)], 20 + 9 * (i / 2.0 - 0.25) + 7 * (j / 2.0 + 1.75) + 40 * c, 0.51);
        // Triangle of width 4 over 4 pixels with repeated borders: weights 5/8, 3/8 ... are those of the first output: (1+3)/8 on 0, 3/8 on 1, 1/8 on 2.
        ASSERT_NEAR(half.pixels[static_cast<std::size_t>(c * 4)], 20 + 9 * 0.625 + 7 * 2.625 + 40 * c, 0.51);
    }
    EXPECT_EQ(half.height, 2);
    EXPECT_EQ(half.pixels.size(), 12u);
}

struct Folder : TemporaryFolder {
    void add(const std::string& file, const std::string& bytes) const {
        fs::create_directories((path / file).parent_path());
        write_file(path / file, bytes);
    }
};

TEST(LoadImageFolder, SortsClassesAndFiles) {
    const Folder folder;
    folder.add("train/zebra/1.png", written(as_png, 3, 2, 3));
    folder.add("train/ant/b.bmp", written(as_bmp, 3, 2, 3));
    folder.add("train/ant/a.png", written(as_png, 3, 2, 1));  // the first image: all become grey
    folder.add("train/ant/.hidden", "not an image");
    folder.add("test/zebra/x.png", written(as_png, 3, 2, 3));
    folder.add("train/README", "passed over");
    const ImageSets sets = load_images(folder.path);
    EXPECT_EQ(sets.train.shape, (Shape{3, 1, 2, 3}));
    EXPECT_EQ(sets.train.labels, (std::vector<std::uint8_t>{0, 0, 1}));
    EXPECT_EQ(sets.train.class_names, (std::vector<std::string>{"ant", "zebra"}));
    EXPECT_EQ(sets.test.labels, (std::vector<std::uint8_t>{1}));
    EXPECT_EQ(sets.test.classes, 2);
    EXPECT_EQ(sets.train.images[1], pixel(0, 1, 0));
    EXPECT_EQ(sets.train.normalisation.mean.size(), 1u);
    EXPECT_EQ(load_image_folder(folder.path, {.colour = Colour::rgb}).train.shape, (Shape{3, 3, 2, 3}));
    EXPECT_EQ(load_image_folder(folder.path, {.side = 8}).test.shape, (Shape{1, 1, 8, 8}));
}

TEST(LoadImageFolder, RefusesWhatDoesNotFit) {
    const Folder folder;
    const std::string path = folder.path.string();
    const auto error = [&] { return error_of([&] { load_image_folder(folder.path); }); };
    EXPECT_EQ(error(), "load_image_folder: no such folder: " + path + "/train (want train/CLASS/IMAGE and test/CLASS/IMAGE)");
    fs::create_directories(folder.path / "train");
    fs::create_directories(folder.path / "test");
    EXPECT_EQ(error(), "load_image_folder: 0 classes: the subfolders of " + path + "/train (want 1 to 256)");
    fs::create_directories(folder.path / "train/ant");
    EXPECT_EQ(error(), "load_image_folder: no images: " + path + "/train (want CLASS/IMAGE in it)");
    folder.add("train/ant/a.png", written(as_png, 3, 2, 3));
    folder.add("test/bee/a.png", written(as_png, 3, 2, 3));
    EXPECT_EQ(error(), "load_image_folder: a class that train/ lacks: " + path + "/test/bee (want one of its 1)");
    fs::remove_all(folder.path / "test/bee");
    folder.add("test/ant/a.png", written(as_png, 2, 3, 3));
    EXPECT_EQ(error(), "load_image_folder: image sizes differ: train is [1, 3, 2, 3], test is [1, 3, 3, 2] in " + path);
    folder.add("train/ant/b.png", written(as_png, 4, 2, 3));
    EXPECT_EQ(error(), "load_image_folder: an image of another size: " + path + "/train/ant/b.png is 4 x 2 (want 3 x 2, as the first one; or set `side`)");
    folder.add("train/ant/b.png", "text");
    EXPECT_EQ(error(), "decode_image: not an image: " + path + "/train/ant/b.png (want PNG, JPEG or BMP with a whole header, of at most 67108864 pixels)");
    EXPECT_EQ(error_of([&] { load_image_folder(folder.path, {.side = 5000}); }), "load_image_folder: the side is 5000 (want 0 to 4096)");
}

}  // namespace
}  // namespace taper::nn
