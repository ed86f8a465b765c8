// Codes and values of whole arrays at the speed of memory: elements by fours, the family chosen outside the loop, its lane built once.
#pragma once

#include <taper/cuda/element_io.h>
#include <taper/cuda/gemm.h>

namespace taper::cuda {

TAPER_FN Bfloat16 narrowed(float x) { return {static_cast<std::uint16_t>(bits_as<std::uint32_t>(x) >> 16)}; }  // of values that bfloat16 holds
// The nearest bfloat16, ties to even; infinities and NaN stay.
TAPER_FN float high_part(float x) {
    const std::uint32_t u = bits_as<std::uint32_t>(x), rounded = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000u;
    return bits_as<float>((u & 0x7f800000u) == 0x7f800000u ? u & 0xffff0000u : rounded);
}

// What a decoded value becomes.
struct Whole {
    using Element = float;
    TAPER_FN float operator()(float x) const { return x; }
};
struct Narrow {
    using Element = Bfloat16;
    TAPER_FN Bfloat16 operator()(float x) const { return narrowed(x); }
};
struct Halved {  // of values that fp16 holds
    using Element = Float16;
    TAPER_FN Float16 operator()(float x) const {
        return {static_cast<std::uint16_t>(MinifloatEncodeLane<float>(Float16::layout(), Rounding::nearest).encode<Rounding::nearest>(x))};
    }
};
struct HighPart {
    using Element = Bfloat16;
    TAPER_FN Bfloat16 operator()(float x) const { return narrowed(high_part(x)); }
};
struct LowPart {
    using Element = Bfloat16;
    TAPER_FN Bfloat16 operator()(float x) const { return narrowed(x - high_part(x)); }
};

// to[i] = convert(x[i]) for i in [0, n), of a format that float32 holds.
template <class Convert>
void decode_array(Runtime& runtime, std::int64_t n, const Input& x, typename Convert::Element* to);

// y[first + i] = x[i] rounded, for i in [0, n), with the draws of elements first + i.
void encode_array(Runtime& runtime, std::int64_t n, const float* x, const Result& y, std::int64_t first = 0);

}  // namespace taper::cuda
