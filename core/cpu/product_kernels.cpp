#include <taper/core/cpu/product_kernels.h>

#include <utility>

#if defined(TAPER_LEVEL_avx2) || defined(TAPER_LEVEL_avx512)
#include <immintrin.h>
#endif

namespace taper::TAPER_LEVEL {
namespace {

// A vector register of the level, and the largest tiles whose sums stay in its registers.
#if defined(TAPER_LEVEL_avx512)
using Vector = __m512;
constexpr int lanes = 16, tile_rows = 14, dot_rows = 5, dot_columns = 5;
inline Vector load(const float* x) { return _mm512_loadu_ps(x); }
inline Vector load_first(const float* x, std::int64_t n) { return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), x); }
inline void store(float* x, Vector v) { _mm512_storeu_ps(x, v); }
inline void store_first(float* x, Vector v, std::int64_t n) { _mm512_mask_storeu_ps(x, static_cast<__mmask16>((1u << n) - 1), v); }
inline Vector broadcast(float x) { return _mm512_set1_ps(x); }
inline Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
inline float sum_of(Vector v) {
    const __m256 eight = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m128 four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return two[0] + two[1];
}
#elif defined(TAPER_LEVEL_avx2)
using Vector = __m256;
constexpr int lanes = 8, tile_rows = 6, dot_rows = 4, dot_columns = 3;
inline Vector load(const float* x) { return _mm256_loadu_ps(x); }
inline Vector load_first(const float* x, std::int64_t n) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(x, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane));
}
inline void store(float* x, Vector v) { _mm256_storeu_ps(x, v); }
inline void store_first(float* x, Vector v, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) x[i] = v[i];  // masked stores are slow on some machines
}
inline Vector broadcast(float x) { return _mm256_set1_ps(x); }
inline Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
inline float sum_of(Vector v) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return two[0] + two[1];
}
#else
typedef float Vector __attribute__((vector_size(16)));
typedef float UnalignedVector __attribute__((vector_size(16), aligned(4), may_alias));
constexpr int lanes = 4, tile_rows = 4, dot_rows = 3, dot_columns = 3;
inline Vector load(const float* x) { return *reinterpret_cast<const UnalignedVector*>(x); }
inline Vector load_first(const float* x, std::int64_t n) {
    Vector v = {};
    for (std::int64_t i = 0; i < n; ++i) v[i] = x[i];
    return v;
}
inline void store(float* x, Vector v) { *reinterpret_cast<UnalignedVector*>(x) = v; }
inline void store_first(float* x, Vector v, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) x[i] = v[i];
}
inline Vector broadcast(float x) { return Vector{x, x, x, x}; }
inline Vector multiply_add(Vector a, Vector b, Vector c) { return a * b + c; }
inline float sum_of(Vector v) { return (v[0] + v[2]) + (v[1] + v[3]); }
#endif

template <int rows, int vectors>
void tile(const Tile<float>& t) {
    Vector sum[rows][vectors];
#pragma GCC unroll 14
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) sum[i][v] = Vector{};
    }
    const float* a = t.a;
    const float* const b = t.b;
    const std::int64_t* const offset = t.offset;
    const std::int64_t depth = t.depth, a_stride = t.a_stride;
    for (std::int64_t k = 0; k < depth; ++k, a += a_stride) {
        Vector row[vectors];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) row[v] = load(b + offset[k] + v * lanes);
#pragma GCC unroll 14
        for (int i = 0; i < rows; ++i) {
            const Vector factor = broadcast(a[i]);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; ++v) sum[i][v] = multiply_add(factor, row[v], sum[i][v]);
        }
    }
    float* c = t.c;
    const std::int64_t c_stride = t.c_stride;
    const bool add = t.add;
#pragma GCC unroll 14
    for (int i = 0; i < rows; ++i, c += c_stride) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) store(c + v * lanes, add ? sum[i][v] + load(c + v * lanes) : sum[i][v]);
    }
}

template <int rows>
void dot(const DotTile<float>& t) {
    Vector sum[rows][dot_columns];
#pragma GCC unroll 5
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 5
        for (int j = 0; j < dot_columns; ++j) sum[i][j] = Vector{};
    }
    const std::int64_t length = t.length, a_stride = t.a_stride;
    for (std::int64_t n = 0; n < t.runs; ++n) {
        const float* const a = t.a + n * t.a_step;
        const float* b[dot_columns];
#pragma GCC unroll 5
        for (int j = 0; j < dot_columns; ++j) b[j] = t.b + n * t.b_step + t.offset[j];
        for (std::int64_t q = 0; q < length; q += lanes) {
            Vector run[dot_columns];
#pragma GCC unroll 5
            for (int j = 0; j < dot_columns; ++j) run[j] = load(b[j] + q);
#pragma GCC unroll 5
            for (int i = 0; i < rows; ++i) {
                const Vector factor = load(a + i * a_stride + q);
#pragma GCC unroll 5
                for (int j = 0; j < dot_columns; ++j) sum[i][j] = multiply_add(factor, run[j], sum[i][j]);
            }
        }
    }
#pragma GCC unroll 5
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 5
        for (int j = 0; j < dot_columns; ++j) t.c[i * dot_columns + j] += sum_of(sum[i][j]);
    }
}

template <int span, int... lane>
inline void exchange_blocks(Vector& a, Vector& b, std::integer_sequence<int, lane...>) {
    const Vector low = __builtin_shufflevector(a, b, ((lane & span) == 0 ? lane : lanes + lane - span)...);
    b = __builtin_shufflevector(a, b, ((lane & span) == 0 ? lane + span : lanes + lane)...);
    a = low;
}

// A square of lanes * lanes elements in registers: log2(lanes) rounds, each of which exchanges blocks between rows `span` apart.
template <int span = 1>
inline void transpose_square(Vector (&v)[lanes]) {
    if constexpr (span < lanes) {
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) {
            if ((i & span) == 0) exchange_blocks<span>(v[i], v[i + span], std::make_integer_sequence<int, lanes>{});
        }
        transpose_square<2 * span>(v);
    }
}

void transpose(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t depth, float* to, std::int64_t to_stride) {
    for (std::int64_t k = 0; k < depth; k += lanes) {
        const std::int64_t columns = depth - k < lanes ? depth - k : lanes;
        // The last rows first: what they write too far is overwritten by the first rows of the next k.
        for (std::int64_t i = (rows - 1) / lanes * lanes; i >= 0; i -= lanes) {
            const std::int64_t height = rows - i < lanes ? rows - i : lanes;
            const float* const x = from + i * from_stride + k;
            Vector v[lanes];
#pragma GCC unroll 16
            for (int l = 0; l < lanes; ++l)
                v[l] = l >= height ? Vector{} : columns == lanes ? load(x + l * from_stride) : load_first(x + l * from_stride, columns);
            transpose_square(v);
            for (int l = 0; l < columns; ++l) store(to + (k + l) * to_stride + i, v[l]);
        }
    }
}

void spread(const float* from, std::int64_t count, std::int64_t width, float* to, std::int64_t to_step) {
    for (std::int64_t begin = 0; begin < count; begin += width, to += to_step) {
        const std::int64_t end = begin + width < count ? begin + width : count;
        for (std::int64_t i = begin; i < end; i += lanes) store(to + (i - begin), i + lanes <= count ? load(from + i) : load_first(from + i, count - i));
    }
}

template <class Change>
inline void change_rows(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, Change change, float* to,
                        std::int64_t to_stride) {
    const std::int64_t full = columns / lanes * lanes, rest = columns - full;
    for (std::int64_t i = 0; i < rows; ++i, from += from_stride, to += to_stride) {
        for (std::int64_t j = 0; j < full; j += lanes) store(to + j, change(load(from + j)));
        if (rest == 0) continue;
        if (full > 0)
            store(to + columns - lanes, change(load(from + columns - lanes)));
        else
            store_first(to, change(load_first(from, rest)), rest);
    }
}

void copy_rows(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, float add, float* to, std::int64_t to_stride) {
    const Vector term = broadcast(add);
    change_rows(
        from, from_stride, rows, columns, [term](Vector v) { return v + term; }, to, to_stride);
}

void move_rows(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, float* to, std::int64_t to_stride) {
    change_rows(
        from, from_stride, rows, columns, [](Vector v) { return v; }, to, to_stride);
}

template <int rows>
void fill_tiles(ProductKernels<float>& k) {
    if constexpr (rows > 0) {
        k.narrow[rows] = tile<rows, 1>;
        k.wide[rows] = tile<rows, 2>;
        fill_tiles<rows - 1>(k);
    }
}

template <int rows>
void fill_dots(ProductKernels<float>& k) {
    if constexpr (rows > 0) {
        k.dot[rows] = dot<rows>;
        fill_dots<rows - 1>(k);
    }
}

ProductKernels<float> make_kernels() {
    ProductKernels<float> k = {};
    k.rows = tile_rows;
    k.lanes = lanes;
    fill_tiles<tile_rows>(k);
    k.transpose = transpose;
    k.spread = spread;
    k.move_rows = move_rows;
    k.copy_rows = copy_rows;
    k.dot_rows = dot_rows;
    k.dot_columns = dot_columns;
    fill_dots<dot_rows>(k);
    return k;
}

}  // namespace

const ProductKernels<float>& product_kernels() {
    static const ProductKernels<float> kernels = make_kernels();
    return kernels;
}

}  // namespace taper::TAPER_LEVEL
