#include <taper/core/cpu/exact_lanes.h>

#include <utility>

#include <taper/formats/lane.h>

namespace taper::TAPER_LEVEL {
namespace {

// The 32-bit lanes from `first` on as doubles.
template <int first, class Vector, int... lane>
inline Doubles widened(Vector v, std::integer_sequence<int, lane...>) {
    return __builtin_convertvector(__builtin_shufflevector(v, v, (first + lane)...), Doubles);
}
template <class Vector>
inline Doubles low(Vector v) {
    return widened<0>(v, std::make_integer_sequence<int, lanes>{});
}
template <class Vector>
inline Doubles high(Vector v) {
    return widened<lanes>(v, std::make_integer_sequence<int, lanes>{});
}

template <int rows, int vectors>
void tile(const SumTile<double>& t) {
    Doubles sum[rows][vectors];
    const double* const from = t.from;
#pragma GCC unroll 14
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) {
            sum[i][v] = Doubles{};
            __builtin_prefetch(from + i * columns + v * lanes);
        }
    }
    const double *a = t.a, *b = t.b;
    const std::int64_t terms = t.terms, a_stride = t.a_stride;
    for (std::int64_t k = 0; k < terms; ++k, a += a_stride, b += columns) {
        Doubles row[vectors];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) row[v] = load(b + v * lanes);
#pragma GCC unroll 14
        for (int i = 0; i < rows; ++i) {
            const Doubles factor = broadcast(a[i]);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; ++v) sum[i][v] = multiply_add(factor, row[v], sum[i][v]);
        }
    }
    double* const to = t.to;
#pragma GCC unroll 14
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) store(to + i * columns + v * lanes, load(from + i * columns + v * lanes) + sum[i][v]);
    }
}

template <int rows>
void float_tile(const SumTile<float>& t) {
    Floats sum[rows][2];
#pragma GCC unroll 14
    for (int i = 0; i < rows; ++i) sum[i][0] = sum[i][1] = Floats{};
    const float *a = t.a, *b = t.b;
    const std::int64_t terms = t.terms, a_stride = t.a_stride;
    for (std::int64_t k = 0; k < terms; ++k, a += a_stride, b += 2 * columns) {
        const Floats left = load(b), right = load(b + columns);
#pragma GCC unroll 14
        for (int i = 0; i < rows; ++i) {
            const Floats factor = broadcast(a[i]);
            sum[i][0] = multiply_add(factor, left, sum[i][0]);
            sum[i][1] = multiply_add(factor, right, sum[i][1]);
        }
    }
    const std::int64_t from_panel = t.from_panel, to_panel = t.to_panel;
#pragma GCC unroll 14
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
        for (int v = 0; v < 2; ++v) {
            const double* const from = t.from + v * from_panel + i * columns;
            double* const to = t.to + v * to_panel + i * columns;
            store(to, load(from) + low(sum[i][v]));
            store(to + lanes, load(from + lanes) + high(sum[i][v]));
        }
    }
}

#if defined(TAPER_LEVEL_avx512)
template <int rows, int pieces>
void unpacked_tile(const UnpackedTile& u) {
    const SumTile<double>& t = u.tile;
    Doubles sum[rows][2];
#pragma GCC unroll 14
    for (int i = 0; i < rows; ++i) sum[i][0] = sum[i][1] = Doubles{};
    const double *a = t.a, *const values = u.values;
    const std::int64_t *const term = u.term, terms = t.terms, a_stride = t.a_stride;
    std::int64_t offset[2][pieces];
    __mmask8 some[2][pieces];
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
#pragma GCC unroll 3
        for (int p = 0; p < pieces; ++p) {
            offset[v][p] = u.offset[v][p];
            some[v][p] = u.columns[v][p];
        }
    }
    for (std::int64_t k = 0; k < terms; ++k, a += a_stride) {
        const double* const b = values + term[k];
        Doubles row[2];
#pragma GCC unroll 2
        for (int v = 0; v < 2; ++v) {
            row[v] = _mm512_maskz_loadu_pd(some[v][0], b + offset[v][0]);
#pragma GCC unroll 3
            for (int p = 1; p < pieces; ++p) row[v] = _mm512_mask_loadu_pd(row[v], some[v][p], b + offset[v][p]);
        }
#pragma GCC unroll 14
        for (int i = 0; i < rows; ++i) {
            const Doubles factor = broadcast(a[i]);
            sum[i][0] = multiply_add(factor, row[0], sum[i][0]);
            sum[i][1] = multiply_add(factor, row[1], sum[i][1]);
        }
    }
    const double* const from = t.from;
    double* const to = t.to;
#pragma GCC unroll 14
    for (int i = 0; i < rows; ++i) {
        store(to + i * columns, load(from + i * columns) + sum[i][0]);
        store(to + i * columns + lanes, load(from + i * columns + lanes) + sum[i][1]);
    }
}
#endif

// sum + the products of both integers of each lane.
struct PairSum {
    static inline Pairs add(Pairs sum, Pairs a, Pairs b) {
#if defined(TAPER_LEVEL_avx512)
        return sum + reinterpret_cast<Pairs>(_mm512_madd_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(TAPER_LEVEL_avx2)
        return sum + reinterpret_cast<Pairs>(_mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#else
        return sum + (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#endif
    }
};
#if defined(TAPER_LEVEL_avx512)
// The same in one instruction of AVX512_VNNI, which the flags of the level leave out.
struct FusedPairSum {
    static inline Pairs add(Pairs sum, Pairs a, Pairs b) {
        asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
        return sum;
    }
};
#endif

template <class Sum, int rows>
void pair_tile(const PairTile& p) {
    const SumTile<std::int32_t>& t = p.tile;
    const std::int32_t *a = t.a, *b = t.b;
    const std::int64_t terms = t.terms, a_stride = t.a_stride;
    std::int64_t k = 0;
    do {
        const double* const from = k == 0 ? t.from : t.to;
        const std::int64_t from_panel = k == 0 ? t.from_panel : t.to_panel, end = terms - k < p.chunk ? terms : k + p.chunk;
        Pairs sum[rows][2];
#pragma GCC unroll 14
        for (int i = 0; i < rows; ++i) sum[i][0] = sum[i][1] = Pairs{};
        for (; k < end; ++k, a += a_stride, b += 2 * columns) {
            const Pairs left = load(b), right = load(b + columns);
#pragma GCC unroll 14
            for (int i = 0; i < rows; ++i) {
                const Pairs factor = Pairs{} + a[i];
                sum[i][0] = Sum::add(sum[i][0], factor, left);
                sum[i][1] = Sum::add(sum[i][1], factor, right);
            }
        }
#pragma GCC unroll 14
        for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
            for (int v = 0; v < 2; ++v) {
                const double* const x = from + v * from_panel + i * columns;
                double* const y = t.to + v * t.to_panel + i * columns;
                store(y, load(x) + low(sum[i][v]) * p.unit);
                store(y + lanes, load(x + lanes) + high(sum[i][v]) * p.unit);
            }
        }
    } while (k < terms);
}

std::int32_t pair_up(const float* panel, std::int64_t terms, std::int64_t width, float scale, std::int32_t* to) {
    const Floats factor = broadcast(scale);
    Pairs largest = {};
    for (std::int64_t k = 0; k < terms; k += 2, panel += 2 * width, to += width) {
        const bool both = k + 1 < terms;
        for (std::int64_t i = 0; i < width; i += columns) {
            const Floats first = load(panel + i) * factor, second = both ? load(panel + width + i) * factor : Floats{};
            const Pairs a = __builtin_convertvector(first, Pairs), b = __builtin_convertvector(second, Pairs);
            store(to + i, (a & 0xffff) | (b << 16));
            const Pairs size = reinterpret_cast<Pairs>(first) & 0x7fffffff, other = reinterpret_cast<Pairs>(second) & 0x7fffffff;
            largest = largest > size ? largest : size;
            largest = largest > other ? largest : other;
        }
    }
    std::int32_t most = 0;
    for (int l = 0; l < columns; ++l) most = largest[l] > most ? largest[l] : most;
    const float value = bits_as<float>(most);
    return value < 2147483648.0f ? static_cast<std::int32_t>(value) : 2147483647;
}

template <int rows>
void fill_tiles(ExactKernels& k) {
    if constexpr (rows > 0) {
        k.narrow[rows] = tile<rows, 1>;
        k.wide[rows] = tile<rows, 2>;
        k.floats[rows] = float_tile<rows>;
        k.pairs[rows] = pair_tile<PairSum, rows>;
#if defined(TAPER_LEVEL_avx512)
        if (__builtin_cpu_supports("avx512vnni")) k.pairs[rows] = pair_tile<FusedPairSum, rows>;
        k.unpacked[1][rows] = unpacked_tile<rows, 1>;
        k.unpacked[2][rows] = unpacked_tile<rows, 2>;
        k.unpacked[3][rows] = unpacked_tile<rows, 3>;
#endif
        fill_tiles<rows - 1>(k);
    }
}

ExactKernels make_kernels() {
    ExactKernels k = {};
    k.rows = tile_rows;
    k.lanes = lanes;
    fill_tiles<tile_rows>(k);
    k.pair_up = pair_up;
    set_slice_kernels(k);
    return k;
}

}  // namespace

const ExactKernels& exact_kernels() {
    static const ExactKernels kernels = make_kernels();
    return kernels;
}

}  // namespace taper::TAPER_LEVEL
