// fp16 and bf16 as kernels hold them: 16 bits each, and two in a word, the first in its low half, for instructions that take both at once.
#pragma once

#include <type_traits>

#include <taper/core/odd.h>
#include <taper/formats/minifloat.h>

namespace taper::cuda {

struct Float16 {
    std::uint16_t bits;
    TAPER_FN static Minifloat layout() { return {5, 10}; }
};
struct Bfloat16 {
    std::uint16_t bits;
    TAPER_FN static Minifloat layout() { return {8, 7}; }
};

template <class Half>
TAPER_FN float value_of_half(std::uint32_t bits) {
    return MinifloatDecodeLane<float>(Half::layout()).decode(bits);
}

// a b + s rounded once.  The product of two halves is exact in float64, and its sum with a third, rounded to odd there, decides the rounding.
template <class Half>
TAPER_FN std::uint32_t fused_half(std::uint32_t a, std::uint32_t b, std::uint32_t s) {
    const MinifloatDecodeLane<double> in(Half::layout());
    const MinifloatEncodeLane<double> out(Half::layout(), Rounding::nearest);
    return static_cast<std::uint32_t>(out.encode<Rounding::nearest>(odd::add(in.decode(a) * in.decode(b), in.decode(s))));
}

// a b + s of two pairs, each rounded once; subnormal numbers stay, as these instructions without .ftz keep them.
template <class Half>
TAPER_FN std::uint32_t fused_pair(std::uint32_t a, std::uint32_t b, std::uint32_t s) {
#if defined(__CUDA_ARCH__)
    std::uint32_t y;
    if constexpr (std::is_same_v<Half, Float16>)
        asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(y) : "r"(a), "r"(b), "r"(s));
    else
        asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(y) : "r"(a), "r"(b), "r"(s));
    return y;
#else
    return fused_half<Half>(a & 0xffff, b & 0xffff, s & 0xffff) | fused_half<Half>(a >> 16, b >> 16, s >> 16) << 16;
#endif
}

// Both halves of a word the same: that at `place` (0, 1).  Written so, it is no instruction of its own but a choice of the multiply-add.
TAPER_FN std::uint32_t doubled(std::uint32_t pair, int place) {
    const std::uint16_t half = static_cast<std::uint16_t>(place == 0 ? pair : pair >> 16);
#if defined(__CUDA_ARCH__)
    std::uint32_t y;
    asm("mov.b32 %0, {%1, %1};" : "=r"(y) : "h"(half));
    return y;
#else
    return half * 0x10001u;
#endif
}

}  // namespace taper::cuda
