#include <taper/core/cpu/product_kernels.h>
#include <taper/core/cpu/product_loops.h>
#include <taper/core/cpu/transpose_lanes.h>

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

struct Registers {
    using Operand = Vector;
    using Sum = Vector;
    static constexpr int lanes = TAPER_LEVEL::lanes, step = lanes;
    static Vector load(const float* x) { return TAPER_LEVEL::load(x); }
    static Vector broadcast(const float* x) { return TAPER_LEVEL::broadcast(*x); }
    static Vector multiply_add(Vector a, Vector b, Vector c) { return TAPER_LEVEL::multiply_add(a, b, c); }
    static Vector load_sums(const float* c) { return TAPER_LEVEL::load(c); }
    static void store_sums(float* c, Vector sum) { store(c, sum); }
    static float sum_of(Vector v) { return TAPER_LEVEL::sum_of(v); }
};

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
        k.narrow[rows] = product_tile<Registers, rows, 1>;
        k.wide[rows] = product_tile<Registers, rows, 2>;
        fill_tiles<rows - 1>(k);
    }
}

template <int rows>
void fill_dots(ProductKernels<float>& k) {
    if constexpr (rows > 0) {
        k.dot[rows] = product_dot<Registers, rows, dot_columns>;
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
