#include <taper/nn/data/byte_reader.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <zlib.h>

#include <taper/formats/error.h>

namespace taper::nn {
namespace {

constexpr std::size_t chunk = std::size_t{1} << 16;
constexpr int gzip_window = 15 + 16;  // largest window, gzip header and checksum

}  // namespace

struct ByteReader::Inflater {
    z_stream z{};
    bool finished = false;
    Inflater() {
        if (inflateInit2(&z, gzip_window) != Z_OK) throw Error("gzip: zlib does not start: no memory");
    }
    ~Inflater() { inflateEnd(&z); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
};

ByteReader::ByteReader(std::istream& stream, std::string name) : stream_(stream), name_(std::move(name)), buffer_(chunk) {
    if (refill() && end_ >= 2 && buffer_[0] == 0x1f && buffer_[1] == 0x8b) inflater_ = std::make_unique<Inflater>();
}

ByteReader::~ByteReader() = default;

bool ByteReader::refill() {
    begin_ = end_ = 0;
    stream_.read(reinterpret_cast<char*>(buffer_.data()), static_cast<std::streamsize>(buffer_.size()));
    if (stream_.bad()) throw Error(fmt::format("read: the file cannot be read: {} at byte {}", name_, taken_));
    end_ = static_cast<std::size_t>(stream_.gcount());
    taken_ += end_;
    return end_ > 0;
}

std::size_t ByteReader::read(std::uint8_t* out, std::size_t count) {
    std::size_t done = 0;
    while (done < count) {
        if (inflater_) {
            const std::size_t more = inflate(out + done, count - done);
            if (more == 0) break;
            done += more;
            continue;
        }
        if (begin_ == end_ && !refill()) break;
        const std::size_t part = std::min(count - done, end_ - begin_);
        std::memcpy(out + done, buffer_.data() + begin_, part);
        begin_ += part;
        done += part;
    }
    position_ += done;
    return done;
}

std::size_t ByteReader::inflate(std::uint8_t* out, std::size_t count) {
    z_stream& z = inflater_->z;
    std::size_t made = 0;
    while (made == 0 && !inflater_->finished) {
        if (begin_ == end_ && !refill()) throw Error(fmt::format("gzip: the file ends early: {} after byte {}", name_, taken_));
        z.next_in = buffer_.data() + begin_;
        z.avail_in = static_cast<uInt>(end_ - begin_);
        z.next_out = out;
        z.avail_out = static_cast<uInt>(std::min(count, chunk));
        const uInt room = z.avail_out;
        const int status = ::inflate(&z, Z_NO_FLUSH);
        begin_ = end_ - z.avail_in;
        made = room - z.avail_out;
        if (status == Z_STREAM_END)
            finish_gzip();
        else if (status != Z_OK && status != Z_BUF_ERROR)
            throw Error(
                fmt::format("gzip: the data are damaged: {} near byte {} ({})", name_, taken_ - (end_ - begin_), z.msg ? z.msg : "zlib gave no reason"));
    }
    return made;
}

void ByteReader::finish_gzip() {
    inflater_->finished = true;
    if (begin_ != end_ || refill()) throw Error(fmt::format("gzip: bytes after the end: {} at byte {}", name_, taken_ - (end_ - begin_)));
}

}  // namespace taper::nn
