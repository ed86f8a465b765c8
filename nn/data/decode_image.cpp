// stb_image behind a wall: only three formats, blocks of memory bounded by the header that was checked, and a note of reads past the end.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/data/image_folder.h>

namespace {

// The largest block that stb_image gets on this thread; a chunk's length in a damaged file asks for up to 2^30 bytes.
thread_local std::size_t largest_block = 0;

void* bounded_realloc(void* block, std::size_t bytes) { return bytes <= largest_block ? std::realloc(block, bytes) : nullptr; }
// Zeros: a JPEG may use tables that it never defines.
void* bounded_calloc(std::size_t bytes) { return bytes <= largest_block ? std::calloc(bytes, 1) : nullptr; }

}  // namespace

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_FAILURE_USERMSG
#define STBI_MALLOC(bytes) bounded_calloc(bytes)
#define STBI_REALLOC(block, bytes) bounded_realloc(block, bytes)
#define STBI_FREE(block) std::free(block)
#define STBI_ASSERT(x) ((void)0)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace taper::nn {
namespace {

constexpr std::int64_t most_pixels = std::int64_t{1} << 26, pixels_a_byte = 10000;
constexpr std::size_t small_blocks = std::size_t{1} << 18;  // tables, and a JPEG's blocks beyond its edge

// A file in memory, as stb_image reads it.
struct Source {
    std::span<const std::uint8_t> file;
    std::size_t position = 0;
    bool past_end = false;
    std::size_t left() const { return file.size() - position; }

    static int read(void* user, char* out, int count) {
        Source& source = *static_cast<Source*>(user);
        const std::size_t part = std::min(source.left(), static_cast<std::size_t>(count));
        if (part == 0)
            source.past_end = true;
        else
            std::memcpy(out, source.file.data() + source.position, part);
        source.position += part;
        return static_cast<int>(part);
    }
    static void skip(void* user, int count) {
        Source& source = *static_cast<Source*>(user);
        const auto wanted = static_cast<std::size_t>(std::max(count, 0));
        if (wanted > source.left()) source.past_end = true;
        source.position += std::min(wanted, source.left());
        if (count < 0) source.position -= std::min(source.position, static_cast<std::size_t>(-static_cast<std::int64_t>(count)));
    }
    static int eof(void* user) { return static_cast<Source*>(user)->left() == 0; }
};
constexpr stbi_io_callbacks callbacks = {Source::read, Source::skip, Source::eof};

struct Header {
    int width = 0, height = 0, channels = 0;
};

// stb_image 2.27 writes past its tables where a JPEG's DHT segment (FF C4, length, then tables of a class, 16 counts and as many bytes as they
// sum to) lists more than 256 codes.  Such a marker is refused wherever it stands: compressed pixels hold none.
void refuse_long_tables(std::span<const std::uint8_t> file, const std::string& name) {
    if (file.empty() || file[0] != 0xff) return;
    for (std::size_t i = 0; i + 4 < file.size(); ++i) {
        if (file[i] != 0xff || file[i + 1] != 0xc4) continue;
        std::int64_t left = (file[i + 2] << 8 | file[i + 3]) - 2;
        for (std::size_t at = i + 4; left > 0 && at < file.size();) {
            if (file[at] >> 4 > 1 || (file[at] & 15) > 3) break;  // no table, which stb_image sees itself
            const auto counts = file.subspan(at + 1, std::min<std::size_t>(16, file.size() - at - 1));
            const int codes = std::accumulate(counts.begin(), counts.end(), 0);
            if (codes > 256)
                throw Error(fmt::format("decode_image: the image is damaged: {} (a Huffman table of {} codes at byte {}; want at most 256)", name, codes, at));
            at += 17 + static_cast<std::size_t>(codes);
            left -= 17 + codes;
        }
    }
}

Header read_header(std::span<const std::uint8_t> file, const std::string& name) {
    Header header;
    Source source{file};
    largest_block = small_blocks;
    if (!stbi_info_from_callbacks(&callbacks, &source, &header.width, &header.height, &header.channels) || header.width < 1 || header.height < 1)
        throw Error(fmt::format("decode_image: not an image: {} (want PNG, JPEG or BMP with a whole header, of at most {} pixels)", name, most_pixels));
    const std::int64_t pixels = std::int64_t{header.width} * header.height;
    if (pixels > std::min<std::int64_t>(most_pixels, pixels_a_byte * static_cast<std::int64_t>(file.size())))
        throw Error(fmt::format("decode_image: the header claims too much: {} is {} x {} in {} bytes (want at most {} pixels a byte and {} in all)", name,
                                header.width, header.height, file.size(), pixels_a_byte, most_pixels));
    return header;
}

}  // namespace

DecodedImage decode_image(std::span<const std::uint8_t> file, const std::string& name, Colour colour) {
    refuse_long_tables(file, name);
    const Header header = read_header(file, name);
    const bool grey = colour == Colour::as_first ? header.channels < 3 : colour == Colour::grey;
    DecodedImage image{{}, grey ? 1 : 3, header.height, header.width};
    const auto plane = static_cast<std::size_t>(image.height * image.width), channels = static_cast<std::size_t>(image.channels);
    largest_block = small_blocks + 16 * plane + 16 * static_cast<std::size_t>(header.height) + 2 * file.size();
    Source source{file};
    int width = 0, height = 0, kept = 0;
    const std::unique_ptr<stbi_uc, void (*)(void*)> decoded(stbi_load_from_callbacks(&callbacks, &source, &width, &height, &kept, static_cast<int>(channels)),
                                                            stbi_image_free);
    if (source.past_end) throw Error(fmt::format("decode_image: the file ends early: {} after byte {}", name, file.size()));
    if (!decoded || width != header.width || height != header.height)
        throw Error(fmt::format("decode_image: the image is damaged: {} ({})", name, decoded ? "two sizes" : stbi_failure_reason()));
    image.pixels.resize(channels * plane);
    for (std::size_t c = 0; c < channels; ++c)
        for (std::size_t i = 0; i < plane; ++i) image.pixels[c * plane + i] = decoded.get()[i * channels + c];
    return image;
}

}  // namespace taper::nn
