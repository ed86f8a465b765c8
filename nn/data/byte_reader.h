// ByteReader: the bytes of a stream, gunzipped where it starts as gzip does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <memory>
#include <string>
#include <vector>

namespace taper::nn {

class ByteReader {
  public:
    // `name` is what errors call the stream.
    ByteReader(std::istream& stream, std::string name);
    ~ByteReader();
    ByteReader(const ByteReader&) = delete;
    ByteReader& operator=(const ByteReader&) = delete;

    // Up to `count` bytes into `out`; fewer only at the end.  Throws Error on damaged or truncated gzip, or bytes after its end.
    std::size_t read(std::uint8_t* out, std::size_t count);
    std::uint64_t position() const { return position_; }  // bytes handed out
    const std::string& name() const { return name_; }

  private:
    struct Inflater;
    bool refill();  // false at the end of the stream
    std::size_t inflate(std::uint8_t* out, std::size_t count);
    void finish_gzip();

    std::istream& stream_;
    std::string name_;
    std::vector<std::uint8_t> buffer_;
    std::size_t begin_ = 0, end_ = 0;  // of what buffer_ holds
    std::uint64_t taken_ = 0;          // bytes read from the stream
    std::uint64_t position_ = 0;
    std::unique_ptr<Inflater> inflater_;  // null for plain data
};

}  // namespace taper::nn
