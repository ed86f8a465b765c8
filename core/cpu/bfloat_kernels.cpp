#include <taper/core/cpu/bfloat_kernels.h>
#include <taper/core/cpu/product_loops.h>

#include <immintrin.h>

namespace taper::TAPER_LEVEL {
namespace {

constexpr int lanes = 16, tile_rows = 14, dot_rows = 5, dot_columns = 5;

inline __m512i load(const void* x) { return _mm512_loadu_si512(x); }

struct BfloatRegisters {
    using Operand = __m512i;
    using Sum = __m512;
    static constexpr int lanes = 16, step = 32;
    static Operand load(const void* x) { return _mm512_loadu_si512(x); }
    static Operand broadcast(const BfloatPair* x) {
        int pair;
        __builtin_memcpy(&pair, x, sizeof pair);
        return _mm512_set1_epi32(pair);
    }
    static Sum multiply_add(Operand a, Operand b, Sum c) { return _mm512_dpbf16_ps(c, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b)); }
    static Sum load_sums(const float* c) { return _mm512_loadu_ps(c); }
    static void store_sums(float* c, Sum sum) { _mm512_storeu_ps(c, sum); }
    static float sum_of(Sum v) {
        const __m256 eight = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
        const __m128 four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return two[0] + two[1];
    }
};

// Moves 32-bit elements as floats, whose bits no move changes.
void transpose(const BfloatPair* from, std::int64_t from_stride, std::int64_t rows, std::int64_t depth, BfloatPair* to, std::int64_t to_stride) {
    avx512::product_kernels().transpose(reinterpret_cast<const float*>(from), from_stride, rows, depth, reinterpret_cast<float*>(to), to_stride);
}

void spread(const BfloatPair* from, std::int64_t count, std::int64_t width, BfloatPair* to, std::int64_t to_step) {
    avx512::product_kernels().spread(reinterpret_cast<const float*>(from), count, width, reinterpret_cast<float*>(to), to_step);
}

// The two byte planes of 64 values: each is two permutes over 128 entries and a blend by the code's top bit.
struct Planes {
    __m512i high[4], low[4];

    explicit Planes(const BfloatTable& table) {
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            high[i] = load(table.high + 64 * i);
            low[i] = load(table.low + 64 * i);
        }
    }
    static __m512i look_up(const __m512i (&plane)[4], __m512i codes) {
        return _mm512_mask_blend_epi8(_mm512_movepi8_mask(codes), _mm512_permutex2var_epi8(plane[0], codes, plane[1]),
                                      _mm512_permutex2var_epi8(plane[2], codes, plane[3]));
    }
    // Values of the first and of the last eight codes of each 128-bit lane.
    void values(__m512i codes, __m512i& front, __m512i& back) const {
        const __m512i h = look_up(high, codes), l = look_up(low, codes);
        front = _mm512_unpacklo_epi8(l, h);
        back = _mm512_unpackhi_epi8(l, h);
    }
};

inline __mmask64 first_bytes(std::int64_t n) { return n >= 64 ? ~__mmask64{0} : (__mmask64{1} << n) - 1; }
inline __mmask32 first_words(std::int64_t n) { return n >= 32 ? ~__mmask32{0} : n <= 0 ? 0 : (__mmask32{1} << n) - 1; }
inline __mmask16 first_lanes(std::int64_t n) { return static_cast<__mmask16>(n >= 16 ? 0xffff : n <= 0 ? 0 : (1 << n) - 1); }

void decode(const BfloatTable& table, const std::uint8_t* codes, std::int64_t n, Bfloat* values) {
    const Planes planes(table);
    const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    __m512i front, back;
    std::int64_t i = 0;
    for (; i + 64 <= n; i += 64) {
        planes.values(_mm512_permutexvar_epi64(order, load(codes + i)), front, back);
        _mm512_storeu_si512(values + i, front);
        _mm512_storeu_si512(values + i + 32, back);
    }
    if (i == n) return;
    const std::int64_t rest = n - i, even = rest + rest % 2;
    planes.values(_mm512_permutexvar_epi64(order, _mm512_maskz_loadu_epi8(first_bytes(rest), codes + i)), front, back);
    _mm512_mask_storeu_epi16(values + i, first_words(even), _mm512_maskz_mov_epi16(first_words(rest), front));
    _mm512_mask_storeu_epi16(values + i + 32, first_words(even - 32), _mm512_maskz_mov_epi16(first_words(rest - 32), back));
}

// Sixty-four pairs; the codes are put in such an order first that interleaving gives them in sequence.
struct PairDecoder {
    Planes planes;
    __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    bool has_second;

    PairDecoder(const BfloatTable& table, bool second) : planes(table), has_second(second) {}
    void operator()(__m512i first, __m512i second, __m512i (&pairs)[4]) const {
        __m512i front, back, second_front = _mm512_setzero_si512(), second_back = _mm512_setzero_si512();
        planes.values(_mm512_permutexvar_epi32(order, first), front, back);
        if (has_second) planes.values(_mm512_permutexvar_epi32(order, second), second_front, second_back);
        pairs[0] = _mm512_unpacklo_epi16(front, second_front);
        pairs[1] = _mm512_unpackhi_epi16(front, second_front);
        pairs[2] = _mm512_unpacklo_epi16(back, second_back);
        pairs[3] = _mm512_unpackhi_epi16(back, second_back);
    }
};

void decode_pairs(const BfloatTable& table, const std::uint8_t* first, const std::uint8_t* second, std::int64_t n, BfloatPair* to) {
    const PairDecoder decoder(table, second != nullptr);
    if (second == nullptr) second = first;
    __m512i pairs[4];
    std::int64_t i = 0;
    for (; i + 64 <= n; i += 64) {
        decoder(load(first + i), load(second + i), pairs);
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) _mm512_storeu_si512(to + i + v * lanes, pairs[v]);
    }
    if (i == n) return;
    const __mmask64 rest = first_bytes(n - i);
    decoder(_mm512_maskz_loadu_epi8(rest, first + i), _mm512_maskz_loadu_epi8(rest, second + i), pairs);
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) _mm512_mask_storeu_epi32(to + i + v * lanes, first_lanes(n - i - v * lanes), pairs[v]);
}

// Whole channel pairs of sixty-four codes at a time, put in order by one byte permute.
void decode_channels(const BfloatTable& table, const std::uint8_t* codes, std::int64_t channels, std::int64_t area, BfloatPair* to) {
    const std::int64_t group = 32 / area;  // pairs of channels
    if (group == 0) {
        for (std::int64_t c = 0; c < channels; c += 2, codes += 2 * area, to += area)
            decode_pairs(table, codes, c + 1 < channels ? codes + area : nullptr, area, to);
        return;
    }
    alignas(64) std::uint8_t places[64] = {};
    for (std::int64_t pair = 0; pair < group; ++pair) {
        for (std::int64_t t = 0; t < 2 * area; ++t) places[2 * pair * area + t] = static_cast<std::uint8_t>((2 * pair + t % 2) * area + t / 2);
    }
    const __m512i order = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), load(places));
    const Planes planes(table);
    for (std::int64_t c = 0; c < channels; c += 2 * group, codes += 2 * group * area, to += group * area) {
        const std::int64_t left = channels - c < 2 * group ? channels - c : 2 * group, words = (left + left % 2) * area;
        __m512i front, back;
        planes.values(_mm512_permutexvar_epi8(order, _mm512_maskz_loadu_epi8(first_bytes(left * area), codes)), front, back);
        _mm512_mask_storeu_epi16(to, first_words(words), front);
        _mm512_mask_storeu_epi16(to + 16, first_words(words - 32), back);
    }
}

void move_pairs(const BfloatPair* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, BfloatPair* to, std::int64_t to_stride) {
    avx512::product_kernels().move_rows(reinterpret_cast<const float*>(from), from_stride, rows, columns, reinterpret_cast<float*>(to), to_stride);
}

void move_values(const Bfloat* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, Bfloat* to, std::int64_t to_stride) {
    const std::int64_t full = columns / 32 * 32;
    const __mmask32 rest = first_words(columns - full);
    for (std::int64_t i = 0; i < rows; ++i, from += from_stride, to += to_stride) {
        for (std::int64_t j = 0; j < full; j += 32) _mm512_storeu_si512(to + j, load(from + j));
        if (rest != 0) _mm512_mask_storeu_epi16(to + full, rest, _mm512_maskz_loadu_epi16(rest, from + full));
    }
}

template <int rows>
void fill_tiles(ProductKernels<BfloatPair>& k) {
    if constexpr (rows > 0) {
        k.narrow[rows] = product_tile<BfloatRegisters, rows, 1>;
        k.wide[rows] = product_tile<BfloatRegisters, rows, 2>;
        fill_tiles<rows - 1>(k);
    }
}

template <int rows>
void fill_dots(BfloatKernels& k) {
    if constexpr (rows > 0) {
        k.dot[rows] = product_dot<BfloatRegisters, rows, dot_columns>;
        fill_dots<rows - 1>(k);
    }
}

BfloatKernels make_kernels() {
    BfloatKernels k = {};
    k.product.rows = tile_rows;
    k.product.lanes = lanes;
    fill_tiles<tile_rows>(k.product);
    k.product.transpose = transpose;
    k.product.spread = spread;
    k.product.move_rows = move_pairs;
    k.product.dot_rows = dot_rows;
    k.product.dot_columns = dot_columns;
    fill_dots<dot_rows>(k);
    k.dot_lanes = 2 * lanes;
    k.decode = decode;
    k.move_rows = move_values;
    k.decode_pairs = decode_pairs;
    k.decode_channels = decode_channels;
    return k;
}

}  // namespace

const BfloatKernels& bfloat_kernels() {
    static const BfloatKernels kernels = make_kernels();
    return kernels;
}

}  // namespace taper::TAPER_LEVEL
