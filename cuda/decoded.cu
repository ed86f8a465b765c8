#include <taper/cuda/decoded.h>

#include <taper/core/memory.h>
#include <taper/cuda/array_convert.h>
#include <taper/cuda/divisor.h>
#include <taper/formats/error.h>

namespace taper::cuda {

namespace {

// [outer, channels, pixels] -> [outer, pixels, padded], by tiles through shared memory so that both sides are read and written in lines.
template <class Convert>
struct ChannelsLast {
    static constexpr int threads = 256, side = 64;
    using Element = typename Convert::Element;
    struct Shared {
        float value[side][side + 1];  // [channel][pixel]
    };
    struct State {};

    Input x;
    Element* to;
    std::int64_t outer, channels, pixels, padded;
    Convert convert;

    TAPER_FN static std::int64_t tiles(std::int64_t n) { return (n + side - 1) / side; }
    TAPER_FN std::int64_t blocks() const { return outer * tiles(padded) * tiles(pixels); }
    TAPER_FN int phases(std::int64_t) const { return 2; }
    TAPER_FN void phase(int phase, std::int64_t block, int thread, Shared& shared, State&) const {
        const std::int64_t p0 = block % tiles(pixels) * side, c0 = block / tiles(pixels) % tiles(padded) * side, n = block / tiles(pixels) / tiles(padded);
        for (int i = thread; i < side * side; i += threads) {
            const int slow = i / side, fast = i % side;
            if (phase == 0) {
                const std::int64_t c = c0 + slow, p = p0 + fast;
                shared.value[slow][fast] = c < channels && p < pixels ? x.at<float>((n * channels + c) * pixels + p) : 0.0f;
            } else {
                const std::int64_t p = p0 + slow, c = c0 + fast;
                if (p < pixels && c < padded) to[(n * pixels + p) * padded + c] = convert(shared.value[fast][slow]);
            }
        }
    }
};

template <class Convert>
void pad_rows(Runtime& runtime, std::int64_t rows, std::int64_t row, const Divisor padded, const Input x, typename Convert::Element* to) {
    for_each(runtime, rows * padded, TAPER_BODY(std::int64_t i) {
        const std::int64_t line = i / padded, k = i - line * padded;
        to[i] = Convert()(k < row ? x.at<float>(line * row + k) : 0.0f);
    });
}

template <class Convert>
void decode_plane(Runtime& runtime, std::int64_t codes, const Input& x, const Decoding& d, void* plane) {
    typename Convert::Element* const to = static_cast<typename Convert::Element*>(plane);
    if (d.channels == 0) return decode_array<Convert>(runtime, codes, x, to);
    const std::int64_t outer = codes / (d.channels * d.pixels);
    if (d.pixels == 1) return pad_rows<Convert>(runtime, outer, d.channels, d.padded, x, to);
    const ChannelsLast<Convert> tiles{x, to, outer, d.channels, d.pixels, d.padded, {}};
    for_blocks(runtime, tiles.blocks(), tiles);
}

}  // namespace

Decoded DecodedCache::decode(const Tensor& x, const Decoding& d) {
    const bool wide = d.kind == Decoding::Kind::float32;
    const std::int64_t plane = (d.elements(x.elements()) * (wide ? 4 : 2) + 255) / 256 * 256;  // so that each plane is aligned
    const auto memory = std::make_shared<const DecodedMemory>(runtime_, plane * d.planes());
    const Input in(runtime_, x);
    if (wide) decode_plane<Whole>(runtime_, x.elements(), in, d, memory->data());
    if (d.kind == Decoding::Kind::bfloat16) decode_plane<Narrow>(runtime_, x.elements(), in, d, memory->data());
    if (d.kind == Decoding::Kind::pair) {
        decode_plane<HighPart>(runtime_, x.elements(), in, d, memory->data());
        decode_plane<LowPart>(runtime_, x.elements(), in, d, memory->data() + plane);
    }
    return {memory->data(), plane, memory};
}

Decoded DecodedCache::get(const Tensor& x, const Decoding& d) {
    if (d.kind == Decoding::Kind::float32 && d.channels == 0 && x.format() == Format::float32()) return {x.data(), 0, nullptr};
    const Runtime::Turn turn = runtime_.turn();  // before the lock
    const std::lock_guard<std::recursive_mutex> lock(mutex_);
    sweep();
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        const auto here = entry++;
        if (!same_storage(here->storage, x.storage())) continue;
        if (here->version != x.version()) {
            drop(here);
        } else if (here->format == x.format() && here->decoding == d) {
            entries_.splice(entries_.begin(), entries_, here);
            return here->decoded;
        }
    }
    const Decoded decoded = decode(x, d);
    const std::int64_t bytes = decoded.memory->size();
    if (!keeps_ || bytes > most_decoded_bytes / 4) return decoded;
    while (bytes_ + bytes > most_decoded_bytes) drop(std::prev(entries_.end()));
    entries_.push_front({x.storage(), x.version(), x.format(), d, decoded});
    bytes_ += bytes;
    return decoded;
}

// Of tensors that are gone.
void DecodedCache::sweep() {
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        const auto here = entry++;
        if (here->storage.expired()) drop(here);
    }
}

void DecodedCache::drop(std::list<Entry>::iterator entry) {
    bytes_ -= entry->decoded.memory->size();
    entries_.erase(entry);
}

void DecodedCache::keep(bool on) {
    const Runtime::Turn turn = runtime_.turn();
    const std::lock_guard<std::recursive_mutex> lock(mutex_);
    keeps_ = on;
    if (!on) drop_all();
}

void DecodedCache::clear() {
    const Runtime::Turn turn = runtime_.turn();
    const std::lock_guard<std::recursive_mutex> lock(mutex_);
    drop_all();
}

void DecodedCache::drop_all() {
    entries_.clear();
    bytes_ = 0;
}

std::int64_t DecodedCache::bytes() const {
    const std::lock_guard<std::recursive_mutex> lock(mutex_);
    return bytes_;
}

}  // namespace taper::cuda
