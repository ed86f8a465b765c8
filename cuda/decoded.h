// DecodedCache: operands of products decoded once for each version of a tensor, so that weights serve the forward and both backward products.
#pragma once

#include <list>
#include <mutex>

#include <taper/core/tensor.h>
#include <taper/cuda/gemm.h>

namespace taper::cuda {

// How a tensor seen as [outer, channels, pixels] is decoded: as it lies, or as [outer, pixels, padded], zeros behind the channels.
struct Decoding {
    enum class Kind : std::uint8_t { float32, bfloat16, pair } kind;  // pair: two planes of bfloat16, high and low, whose sum is the value
    std::int64_t channels = 0, pixels = 0, padded = 0;                // channels 0: as it lies

    bool operator==(const Decoding&) const = default;
    int planes() const { return kind == Kind::pair ? 2 : 1; }
    std::int64_t elements(std::int64_t codes) const { return channels == 0 ? codes : codes / channels * padded; }
};

// Does a name the storage b, also where a's is gone and its address is used again?
inline bool same_storage(const std::weak_ptr<const Storage>& a, const std::shared_ptr<Storage>& b) { return !a.owner_before(b) && !b.owner_before(a); }

using DecodedMemory = Buffer<std::uint8_t>;

// A decoded tensor: alive while this is.
struct Decoded {
    const void* data = nullptr;
    std::int64_t plane_bytes = 0;
    std::shared_ptr<const DecodedMemory> memory;  // null where the tensor's own codes serve

    template <class Element>
    const Element* plane(int i) const {
        return reinterpret_cast<const Element*>(static_cast<const std::uint8_t*>(data) + i * plane_bytes);
    }
};

#if defined(__CUDACC__)
constexpr std::int64_t most_decoded_bytes = std::int64_t{1} << 30;  // that a device's cache keeps; the least recently used goes first
#else
constexpr std::int64_t most_decoded_bytes = std::int64_t{1} << 20;  // so that small tests reach it
#endif

class DecodedCache {
  public:
    explicit DecodedCache(Runtime& runtime) : runtime_(runtime) {}

    // x in a format that the kind holds.  float32 as it lies costs nothing.
    Decoded get(const Tensor& x, const Decoding& decoding);
    void keep(bool on);  // off: what is kept goes, and nothing more is kept
    void clear();
    std::int64_t bytes() const;  // kept

  private:
    struct Entry {
        std::weak_ptr<const Storage> storage;  // names the tensor for as long as the entry lives, also when its address is used again
        std::uint64_t version;
        Format format;
        Decoding decoding;
        Decoded decoded;
    };

    Runtime& runtime_;
    mutable std::recursive_mutex mutex_;  // clear() may be called where get() finds no memory
    std::list<Entry> entries_;  // the last used first
    std::int64_t bytes_ = 0;
    bool keeps_ = true;

    Decoded decode(const Tensor& x, const Decoding& decoding);
    void sweep();
    void drop(std::list<Entry>::iterator entry);
    void drop_all();
};

}  // namespace taper::cuda
