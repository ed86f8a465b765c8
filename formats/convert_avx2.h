// Array kernels for codes of at most 8 bits in AVX2 instructions.  Empty but where convert_kernels.cpp is compiled for that level.
#pragma once

#if defined(TAPER_LEVEL_avx2)

#include <immintrin.h>

#include <taper/formats/convert_kernels.h>

namespace taper::TAPER_LEVEL {
namespace {

// The 256 entries of a byte plane as sixteen rows of sixteen: a shuffle looks up the low four bits of a code in one row, and gives 0
// where the index has its top bit set, which is so for codes of other rows; or joins the rows.
struct Planes {
    __m256i low, high;
};

TAPER_FN void look_up(const ValueTable& table, int row, __m256i codes, Planes& p) {
    const auto row_of = [row](const std::uint8_t* bytes) {
        return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes + 16 * row)));
    };
    // Codes of this row become 0x70 .. 0x7f, all others at least 0x80.
    const __m256i index = _mm256_adds_epu8(_mm256_xor_si256(codes, _mm256_set1_epi8(static_cast<char>(16 * row))), _mm256_set1_epi8(0x70));
    p.low = _mm256_or_si256(p.low, _mm256_shuffle_epi8(row_of(table.low), index));
    p.high = _mm256_or_si256(p.high, _mm256_shuffle_epi8(row_of(table.high), index));
}

TAPER_FN void store_floats(const Planes& p, float* out) {
    const __m256i zero = _mm256_setzero_si256();
    const __m256i front = _mm256_unpacklo_epi8(p.low, p.high), back = _mm256_unpackhi_epi8(p.low, p.high);
    const auto store = [out](int i, __m256i bits) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), bits); };
    store(0, _mm256_unpacklo_epi16(zero, front));
    store(8, _mm256_unpackhi_epi16(zero, front));
    store(16, _mm256_unpacklo_epi16(zero, back));
    store(24, _mm256_unpackhi_epi16(zero, back));
}

// The planes of codes in every row.
struct AllRows {
    const ValueTable& table;
    TAPER_FN void operator()(__m256i a, __m256i b, Planes& planes_a, Planes& planes_b) const {
#pragma GCC unroll 16
        for (int row = 0; row < 16; ++row) {
            look_up(table, row, a, planes_a);
            look_up(table, row, b, planes_b);
        }
    }
};

// Of a mirrored table half the rows tell all but the sign, and the code 128, which is its own mirror image.
struct HalfTheRows {
    const ValueTable& table;
    TAPER_FN void finish(__m256i codes, Planes& p) const {
        const __m256i middle = _mm256_set1_epi8(static_cast<char>(0x80)), is_middle = _mm256_cmpeq_epi8(codes, middle);
        const auto entry = [](std::uint8_t byte) { return _mm256_set1_epi8(static_cast<char>(byte)); };
        p.low = _mm256_blendv_epi8(p.low, entry(table.low[128]), is_middle);
        p.high = _mm256_blendv_epi8(_mm256_or_si256(p.high, _mm256_and_si256(codes, middle)), entry(table.high[128]), is_middle);
    }
    TAPER_FN void operator()(__m256i a, __m256i b, Planes& planes_a, Planes& planes_b) const {
        const __m256i size_a = _mm256_abs_epi8(a), size_b = _mm256_abs_epi8(b);
#pragma GCC unroll 8
        for (int row = 0; row < 8; ++row) {
            look_up(table, row, size_a, planes_a);
            look_up(table, row, size_b, planes_b);
        }
        finish(a, planes_a);
        finish(b, planes_b);
    }
};

// Sixty-four codes at a time, in such an order that interleaving the planes with zeros gives eight floats a vector in sequence.
template <class Rows>
inline void decode_by_rows(const ValueTable& table, const std::uint8_t* in, std::size_t n, float* out) {
    const __m256i order = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
    const auto load = [order](const std::uint8_t* from) {
        return _mm256_permutevar8x32_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)), order);
    };
    const Rows rows{table};
    std::size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        Planes planes_a = {_mm256_setzero_si256(), _mm256_setzero_si256()}, planes_b = planes_a;
        rows(load(in + i), load(in + i + 32), planes_a, planes_b);
        store_floats(planes_a, out + i);
        store_floats(planes_b, out + i + 32);
    }
    for (; i < n; ++i) out[i] = table.value[in[i]];
}

inline void decode_by_shuffles(const KernelFamily& family, const void* codes, std::size_t n, void* y) {
    const std::uint8_t* const in = static_cast<const std::uint8_t*>(codes);
    (family.table->mirrored ? decode_by_rows<HalfTheRows> : decode_by_rows<AllRows>)(*family.table, in, n, static_cast<float*>(y));
}

}  // namespace
}  // namespace taper::TAPER_LEVEL

#endif
