#include <taper/nn/data/idx.h>

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/data/byte_reader.h>

namespace taper::nn {
namespace {

constexpr std::uint64_t first_chunk = std::uint64_t{1} << 16;

std::uint32_t read_word(ByteReader& reader) {
    std::uint8_t bytes[4];
    const std::uint64_t at = reader.position();
    const std::size_t got = reader.read(bytes, 4);
    if (got < 4) throw Error(fmt::format("read_idx: the header ends early: {} at byte {} (want 4 bytes from byte {})", reader.name(), reader.position(), at));
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

// The number of values that the header claims.
std::uint64_t read_sizes(ByteReader& reader, int rank, Idx& idx) {
    const std::uint32_t wanted = 0x800u + static_cast<std::uint32_t>(rank), magic = read_word(reader);
    if (magic != wanted)
        throw Error(fmt::format("read_idx: wrong magic: {} starts with {:08x} at byte 0 (want {:08x}: unsigned bytes in {})", reader.name(), magic, wanted,
                                rank == 1 ? "1 axis" : fmt::format("{} axes", rank)));
    std::uint64_t total = 1;
    for (int axis = 0; axis < rank; ++axis) {
        const std::uint64_t at = reader.position();
        const std::uint32_t size = read_word(reader);
        if (__builtin_mul_overflow(total, std::uint64_t{size}, &total) || total >> 62 != 0)
            throw Error(fmt::format("read_idx: the sizes overflow: {} at byte {} (want fewer than 2^62 values)", reader.name(), at));
        idx.sizes.push_back(size);
    }
    return total;
}

}  // namespace

Idx read_idx(std::istream& stream, const std::string& name, int rank) {
    ByteReader reader(stream, name);
    Idx idx;
    const std::uint64_t total = read_sizes(reader, rank, idx), header = reader.position();
    // Memory at most doubles with each chunk that was really there.
    for (std::uint64_t have = 0; have < total;) {
        const std::uint64_t next = std::min(total, std::max(2 * have, first_chunk));
        idx.values.reserve(next);
        idx.values.resize(next);
        have += reader.read(idx.values.data() + have, next - have);
        if (have < next) throw Error(fmt::format("read_idx: the data end early: {} holds {} values (want {}, as its header says)", name, have, total));
    }
    std::uint8_t beyond;
    if (reader.read(&beyond, 1) != 0)
        throw Error(fmt::format("read_idx: bytes after the end: {} goes on at byte {} (want {} values after a header of {} bytes)", name, header + total, total,
                                header));
    return idx;
}

Idx read_idx(const std::filesystem::path& file, int rank) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream || std::filesystem::is_directory(file)) throw Error(fmt::format("read_idx: the file cannot be opened: {}", file.string()));
    return read_idx(stream, file.string(), rank);
}

}  // namespace taper::nn
