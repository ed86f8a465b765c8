// How element-wise kernels read and write tensors: blocks of codes decoded to a lane type, and blocks of lanes encoded.
#pragma once

#include <cstring>
#include <optional>
#include <type_traits>
#include <vector>

#include <taper/core/cpu/parallel.h>
#include <taper/core/tensor.h>
#include <taper/formats/convert.h>

namespace taper {

constexpr std::int64_t lane_block = 1024;    // elements decoded at a time, on the stack
constexpr std::int64_t thread_chunk = 8192;  // elements a thread takes at a time

template <class T>
const Format& lane_format() {
    static const Format format = sizeof(T) == 4 ? Format::float32() : Format::float64();
    return format;
}

// The codes of a tensor in the order of a shape it is broadcast to.
class BroadcastCodes {
  public:
    BroadcastCodes(const Tensor& x, const Shape& shape);
    // Codes [begin, begin + count): in place where nothing is stretched, else gathered into `buffer` (count codes wide).
    const void* read(std::int64_t begin, std::int64_t count, void* buffer) const;

  private:
    const void* codes_;
    int width_;
    std::vector<std::int64_t> sizes_, strides_;  // axes that could not be merged; the last stride is 0 or 1
};

// Reads values as T: float for formats that float32 holds, double for any.
template <class T>
class Reader {
  public:
    explicit Reader(const Tensor& x) : codes_(x.data()), width_(x.format().storage_bytes()), format_(x.format()), direct_(x.format() == lane_format<T>()) {
        if constexpr (std::is_same_v<T, float>) {
            if (!direct_) decoder_.emplace(format_);
        }
    }
    Reader(const Tensor& x, const Shape& shape) : Reader(x) {
        if (x.shape() != shape) broadcast_.emplace(x, shape);
    }

    // The values of elements [begin, begin + count), count <= lane_block; in `buffer` or where the tensor holds them.
    const T* read(std::int64_t begin, std::int64_t count, T* buffer) const {
        alignas(64) unsigned char gathered[lane_block * sizeof(double)];
        const void* codes = broadcast_ ? broadcast_->read(begin, count, direct_ ? static_cast<void*>(buffer) : gathered) : at(codes_, begin, width_);
        return decoded(codes, count, buffer);
    }
    // The same, always in `buffer`.
    void copy(std::int64_t begin, std::int64_t count, T* buffer) const {
        const T* values = read(begin, count, buffer);
        if (values != buffer) std::memcpy(buffer, values, static_cast<std::size_t>(count) * sizeof(T));
    }
    bool direct() const { return direct_; }  // the codes are the values
    // The values of `count` codes, in `buffer` or where they lie.
    const T* decoded(const void* codes, std::int64_t count, T* buffer) const {
        if (direct_) return static_cast<const T*>(codes);
        if constexpr (std::is_same_v<T, float>) {
            (*decoder_)(codes, static_cast<std::size_t>(count), buffer);
        } else {
            decode(format_, codes, static_cast<std::size_t>(count), buffer);
        }
        return buffer;
    }

  private:
    const void* codes_;
    int width_;
    Format format_;
    bool direct_;
    std::optional<Decoder> decoder_;
    std::optional<BroadcastCodes> broadcast_;
};

// Writes values of T, rounded once.
template <class T>
class Writer {
  public:
    Writer(Tensor& y, const RoundingMode& mode) : codes_(y.mutable_data()), width_(y.format().storage_bytes()), format_(y.format()), mode_(mode), direct_(y.format() == lane_format<T>()) {
        if constexpr (std::is_same_v<T, float>) {
            if (!direct_) encoder_.emplace(format_, mode_);
        }
    }

    // Where the values from element `begin` on are to be put before finish(): `buffer`, or the tensor itself.
    T* place(std::int64_t begin, T* buffer) const { return direct_ ? static_cast<T*>(at(codes_, begin, width_)) : buffer; }
    // Rounds `count` values that lie at `values`; returns how many NaN had no code.
    std::size_t finish(std::int64_t begin, std::int64_t count, const T* values) const {
        void* codes = at(codes_, begin, width_);
        const std::size_t n = static_cast<std::size_t>(count);
        if (direct_) {
            if (codes != values) std::memcpy(codes, values, n * sizeof(T));
            return 0;
        }
        if constexpr (std::is_same_v<T, float>) {
            return (*encoder_)(values, n, codes, static_cast<std::uint64_t>(begin));
        } else {
            RoundingMode mode = mode_;
            mode.draws.first_index += static_cast<std::uint64_t>(begin);
            return encode(format_, values, n, codes, mode);
        }
    }

  private:
    void* codes_;
    int width_;
    Format format_;
    RoundingMode mode_;
    bool direct_;
    std::optional<Encoder> encoder_;
};

// Sum of body(begin, count) over the blocks of [0, n), several threads for long arrays; body must not throw.
template <class Body>
std::size_t sum_over_blocks(std::int64_t n, const Body& body) {
    std::size_t sum = 0;
    const std::int64_t chunks = (n + thread_chunk - 1) / thread_chunk;
#pragma omp parallel for schedule(static) reduction(+ : sum) if (n >= parallel_from)
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
        const std::int64_t end = std::min(n, (chunk + 1) * thread_chunk);
        for (std::int64_t begin = chunk * thread_chunk; begin < end; begin += lane_block) sum += body(begin, std::min(lane_block, end - begin));
    }
    return sum;
}

}  // namespace taper
