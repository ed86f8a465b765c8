// Array kernels for codes of at most 8 bits in AVX-512 instructions, where the compiled loops stay under half of the memory's speed.
// Empty but where convert_kernels.cpp is compiled for that level.
#pragma once

#if defined(TAPER_LEVEL_avx512)

#include <immintrin.h>

#include <taper/formats/convert_kernels.h>

namespace taper::TAPER_LEVEL {
namespace {

struct alignas(64) WordIndex {
    std::uint16_t word[32];
};

constexpr WordIndex word_index(int first, int step) {
    WordIndex index = {};
    for (int i = 0; i < 32; ++i) index.word[i] = static_cast<std::uint16_t>(first + i * step);
    return index;
}

constexpr WordIndex odd_words = word_index(1, 2);     // 1, 3, 5, ...: the upper halves of 32 floats in two registers
constexpr WordIndex even_words = word_index(0, 2);    // 0, 2, 4, ...: their lower halves

TAPER_FN __m512i load_index(const WordIndex& index) { return _mm512_load_si512(index.word); }

// Sixty-four codes at a time: each byte plane is two permutes over 128 entries and a blend by the code's top bit; the codes are
// put in such an order first that interleaving the planes with zeros gives sixteen floats a vector in sequence.
__attribute__((target("avx512vbmi"))) void decode_by_permutes(const KernelFamily& family, const void* codes, std::size_t n, void* y) {
    const std::uint8_t* in = static_cast<const std::uint8_t*>(codes);
    float* out = static_cast<float*>(y);
    std::size_t i = 0;
    if (n >= 64) {
        const auto plane = [](const std::uint8_t* bytes, int part) { return _mm512_load_si512(bytes + 64 * part); };
        const std::uint8_t *high = family.table->high, *low = family.table->low;
        const __m512i h0 = plane(high, 0), h1 = plane(high, 1), h2 = plane(high, 2), h3 = plane(high, 3);
        const __m512i l0 = plane(low, 0), l1 = plane(low, 1), l2 = plane(low, 2), l3 = plane(low, 3);
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        const __m512i zero = _mm512_setzero_si512();
        for (; i + 64 <= n; i += 64) {
            const __m512i c = _mm512_permutexvar_epi32(order, _mm512_loadu_si512(in + i));
            const __mmask64 top = _mm512_movepi8_mask(c);
            const __m512i h = _mm512_mask_blend_epi8(top, _mm512_permutex2var_epi8(h0, c, h1), _mm512_permutex2var_epi8(h2, c, h3));
            const __m512i l = _mm512_mask_blend_epi8(top, _mm512_permutex2var_epi8(l0, c, l1), _mm512_permutex2var_epi8(l2, c, l3));
            const __m512i front = _mm512_unpacklo_epi8(l, h), back = _mm512_unpackhi_epi8(l, h);
            _mm512_storeu_si512(out + i, _mm512_unpacklo_epi16(zero, front));
            _mm512_storeu_si512(out + i + 16, _mm512_unpackhi_epi16(zero, front));
            _mm512_storeu_si512(out + i + 32, _mm512_unpacklo_epi16(zero, back));
            _mm512_storeu_si512(out + i + 48, _mm512_unpackhi_epi16(zero, back));
        }
    }
    for (; i < n; ++i) out[i] = family.table->value[in[i]];
}

// PositEncodeLane in 16-bit lanes, n <= 8: the upper half of a float, its last bit made sticky, decides the rounding to at most 6 significant bits.
struct PositWordEncoder {
    __m512i minpos, maxpos, zero_limit, mask, nar, half, one_code;
    __m128i below, regime_shift, field_shift;

    TAPER_FN explicit PositWordEncoder(const PositEncodeLane<float>& lane, int es)
        : minpos(word(lane.minpos >> 16)), maxpos(word(lane.maxpos >> 16)), zero_limit(word(lane.zero_limit >> 16)), mask(word(static_cast<int>(lane.mask))),
          nar(word(static_cast<int>(lane.nar))), half(word(1 << (lane.below - 17))), one_code(word(1 << (lane.below - 16))), below(_mm_cvtsi32_si128(lane.below - 16)),
          regime_shift(_mm_cvtsi32_si128(7 + es)), field_shift(_mm_cvtsi32_si128(6 - es)) {}

    TAPER_FN static __m512i word(int x) { return _mm512_set1_epi16(static_cast<short>(x)); }

    template <Rounding mode>
    TAPER_FN __m256i encode(__m512i low, __m512i high) const {
        const __m512i upper = _mm512_permutex2var_epi16(low, load_index(odd_words), high), lower = _mm512_permutex2var_epi16(low, load_index(even_words), high);
        const __m512i u = sticky(upper, lower);
        const __m512i magnitude = _mm512_and_si512(u, word(0x7fff));
        const __m512i a = _mm512_min_epi16(_mm512_max_epi16(magnitude, minpos), maxpos);
        const __m512i t = _mm512_sub_epi16(a, word(127 << 7));
        const __m512i s = _mm512_srai_epi16(t, 15);
        const __m512i shift = _mm512_srl_epi16(_mm512_xor_si512(t, s), regime_shift);
        // Selects the field from t and the three bits above it from s, which then become "1 10" or "0 01".
        __m512i w = _mm512_ternarylogic_epi32(word(0x1fff), _mm512_sll_epi16(t, field_shift), s, 0xca);
        w = _mm512_xor_si512(w, word(0xc000));
        if constexpr (mode == Rounding::nearest) {
            const __mmask32 even = _mm512_testn_epi16_mask(_mm512_srav_epi16(w, shift), one_code);
            w = _mm512_add_epi16(w, _mm512_sllv_epi16(half, shift));
            w = _mm512_mask_sub_epi16(w, even, w, word(1));
        }
        __m512i code = _mm512_srl_epi16(_mm512_and_si512(_mm512_srav_epi16(w, shift), word(0x7fff)), below);
        code = _mm512_mask_sub_epi16(code, _mm512_movepi16_mask(u), _mm512_setzero_si512(), code);
        code = _mm512_maskz_mov_epi16(_mm512_cmpgt_epu16_mask(magnitude, zero_limit), _mm512_and_si512(code, mask));
        code = _mm512_mask_mov_epi16(code, _mm512_cmpge_epu16_mask(magnitude, word(0x7f80)), nar);
        return _mm512_cvtepi16_epi8(code);
    }

  private:
    // The last bit of a word is set where the half that was cut off is not 0.
    TAPER_FN static __m512i sticky(__m512i upper, __m512i lower) {
        return _mm512_mask_blend_epi16(_mm512_test_epi16_mask(lower, lower), upper, _mm512_or_si512(upper, word(1)));
    }
};

template <Rounding mode>
void encode_posit_bytes(const KernelFamily& family, const void* x, std::size_t n, void* codes) {
    const PositEncodeLane<float> lane(family.posit, mode);
    const PositWordEncoder words(lane, family.posit.es);
    const float* in = static_cast<const float*>(x);
    std::uint8_t* out = static_cast<std::uint8_t*>(codes);
    std::size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const __m256i bytes = words.encode<mode>(_mm512_loadu_si512(in + i), _mm512_loadu_si512(in + i + 16));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), bytes);
    }
    for (; i < n; ++i) out[i] = static_cast<std::uint8_t>(lane.encode<mode>(in[i]));
}

}  // namespace
}  // namespace taper::TAPER_LEVEL

#endif
