#include <taper/cuda/array_convert.h>
#include <taper/cuda/fours.h>

namespace taper::cuda {

namespace {

// --- Decoding.

template <class Lane, class Convert>
struct DecodeByLane {
    Lane lane;
    Convert convert;
    TAPER_FN typename Convert::Element operator()(std::uint16_t code) const { return convert(lane.decode(code)); }
};

template <class Convert>
struct DecodeByTable {
    const float* values;
    Convert convert;
    TAPER_FN typename Convert::Element operator()(std::uint8_t code) const { return convert(values[code]); }
};

// The table in shared memory, once for each bank, so that the threads of a warp never wait for each other.
template <class Convert>
struct SharedTable {
    static constexpr int threads = 256, copies = 32, blocks_of_a_processor = 6;
    using Element = typename Convert::Element;
    struct Shared {
        float value[256 * copies];
    };
    struct State {};
    struct Each {
        const float* own;  // this thread's bank
        Convert convert;
        TAPER_FN Element operator()(std::uint8_t code) const { return convert(own[code * copies]); }
    };

    const float* values;
    const std::uint8_t* from;
    Element* to;
    std::int64_t n, blocks;
    Convert convert;

    TAPER_FN int phases(std::int64_t) const { return 2; }
    TAPER_FN void phase(int phase, std::int64_t block, int thread, Shared& shared, State&) const {
        if (phase == 0) {
            for (int i = thread; i < 256 * copies; i += threads) shared.value[i] = values[i / copies];
            return;
        }
        const Each each{shared.value + thread % copies, convert};
        const std::int64_t fours = n / width;
        for (std::int64_t at = block * in_flight * threads; at < fours; at += blocks * in_flight * threads)
            convert_fours(at + thread, threads, fours, from, to, each);
        if (block == 0 && thread < n % width) to[fours * width + thread] = each(from[fours * width + thread]);
    }
};

template <class Convert>
void decode_by_table(Runtime& runtime, std::int64_t n, const Input& x, typename Convert::Element* to) {
    const std::uint8_t* const codes = static_cast<const std::uint8_t*>(x.codes);
    if (n < pays_from(std::int64_t{1} << 18, 3000) || !aligned(codes) || !aligned(to)) return convert_array(runtime, n, codes, to, DecodeByTable<Convert>{x.format.values, {}});
    const std::int64_t blocks = std::int64_t{SharedTable<Convert>::blocks_of_a_processor} * runtime.processors();
    for_blocks(runtime, blocks, SharedTable<Convert>{x.format.values, codes, to, n, blocks, {}});
}

template <class Convert>
void decode_any(Runtime& runtime, std::int64_t n, const Input x, typename Convert::Element* to) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { to[i] = Convert()(x.at<float>(i)); });
}

// --- Encoding.

template <class Lane, class Code, bool clears>
struct EncodeByLane {
    Lane lane;
    unsigned long long* lost;  // null where NaN has a code
    CodeRange cleared;
    TAPER_FN Code operator()(float x) const {
        if (lost != nullptr && x != x) count_nan(lost);
        const std::uint32_t code = static_cast<std::uint32_t>(lane.template encode<Rounding::nearest>(x));
        return static_cast<Code>(clears && code - cleared.first < cleared.count ? 0 : code);
    }
};

template <class Code, class Lane>
void encode_by_lane(Runtime& runtime, std::int64_t n, const float* x, const Result& y, std::int64_t first, const Lane& lane) {
    unsigned long long* const lost = y.format.has_nan ? nullptr : y.nan_count;
    Code* const to = static_cast<Code*>(y.codes) + first;
    if (y.cleared.count != 0)
        convert_array(runtime, n, x, to, EncodeByLane<Lane, Code, true>{lane, lost, y.cleared});
    else
        convert_array(runtime, n, x, to, EncodeByLane<Lane, Code, false>{lane, lost, {}});
}

template <class Lane>
void encode_in_width(Runtime& runtime, std::int64_t n, const float* x, const Result& y, std::int64_t first, const Lane& lane) {
    if (y.format.bytes == 1)
        encode_by_lane<std::uint8_t>(runtime, n, x, y, first, lane);
    else
        encode_by_lane<std::uint16_t>(runtime, n, x, y, first, lane);
}

void encode_any(Runtime& runtime, std::int64_t n, const float* x, const Result y, std::int64_t first) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { y.put(first + i, x[i]); });
}

}  // namespace

template <class Convert>
void decode_array(Runtime& runtime, std::int64_t n, const Input& x, typename Convert::Element* to) {
    const DeviceFormat& f = x.format;
    const std::uint16_t* const codes = static_cast<const std::uint16_t*>(x.codes);
    const auto by_lane = [&](const auto& lane) { convert_array(runtime, n, codes, to, DecodeByLane<std::decay_t<decltype(lane)>, Convert>{lane, {}}); };
    if (f.values != nullptr) return decode_by_table<Convert>(runtime, n, x, to);
    if (f.bytes == 2 && f.scale == 0) {
        if (f.kind == DeviceFormat::Kind::posit) return by_lane(PositDecodeLane<float>(f.posit));
        if (f.kind == DeviceFormat::Kind::fixed) return by_lane(FixedDecodeLane<float>(f.fixed));
        if (f.kind == DeviceFormat::Kind::minifloat && f.minifloat.specials == Specials::ieee) return by_lane(MinifloatDecodeLane<float>(f.minifloat));
    }
    decode_any<Convert>(runtime, n, x, to);
}

template void decode_array<Whole>(Runtime&, std::int64_t, const Input&, float*);
template void decode_array<Narrow>(Runtime&, std::int64_t, const Input&, Bfloat16*);
template void decode_array<Halved>(Runtime&, std::int64_t, const Input&, Float16*);
template void decode_array<HighPart>(Runtime&, std::int64_t, const Input&, Bfloat16*);
template void decode_array<LowPart>(Runtime&, std::int64_t, const Input&, Bfloat16*);

void encode_array(Runtime& runtime, std::int64_t n, const float* x, const Result& y, std::int64_t first) {
    const DeviceFormat& f = y.format;
    if (f.bytes <= 2 && f.scale == 0 && y.mode.mode == Rounding::nearest) {
        if (f.kind == DeviceFormat::Kind::posit && f.posit.top() <= 126)
            return encode_in_width(runtime, n, x, y, first, PositEncodeLane<float>(f.posit, Rounding::nearest));
        if (f.kind == DeviceFormat::Kind::minifloat)
            return encode_in_width(runtime, n, x, y, first, MinifloatEncodeLane<float>(f.minifloat, Rounding::nearest));
        if (f.kind == DeviceFormat::Kind::fixed) return encode_in_width(runtime, n, x, y, first, FixedEncodeLane<float>(f.fixed, Rounding::nearest));
    }
    encode_any(runtime, n, x, y, first);
}

}  // namespace taper::cuda
