#include <taper/core/cpu/exact_kernels.h>

#include <utility>

#include <taper/formats/lane.h>

#if defined(TAPER_LEVEL_avx2) || defined(TAPER_LEVEL_avx512)
#include <immintrin.h>
#endif

namespace taper::TAPER_LEVEL {
namespace {

// Vector registers of the level, and the largest tile whose sums stay in its registers.
#if defined(TAPER_LEVEL_avx512)
constexpr int lanes = 8, tile_rows = 14;
#elif defined(TAPER_LEVEL_avx2)
constexpr int lanes = 4, tile_rows = 6;
#else
constexpr int lanes = 2, tile_rows = 4;
#endif
constexpr int columns = 2 * lanes;  // of a panel
typedef double Doubles __attribute__((vector_size(8 * lanes)));
typedef float Floats __attribute__((vector_size(8 * lanes)));
typedef std::int64_t Integers __attribute__((vector_size(8 * lanes)));
template <class Vector, class Element>
struct Unaligned {
    typedef Vector type __attribute__((aligned(sizeof(Element)), may_alias));
};

inline Doubles load(const double* x) { return *reinterpret_cast<const typename Unaligned<Doubles, double>::type*>(x); }
inline Floats load(const float* x) { return *reinterpret_cast<const typename Unaligned<Floats, float>::type*>(x); }
inline Integers load(const std::int64_t* x) { return *reinterpret_cast<const typename Unaligned<Integers, std::int64_t>::type*>(x); }
inline void store(double* x, Doubles v) { *reinterpret_cast<typename Unaligned<Doubles, double>::type*>(x) = v; }
inline void store(std::int64_t* x, Integers v) { *reinterpret_cast<typename Unaligned<Integers, std::int64_t>::type*>(x) = v; }
inline Integers integers(Doubles x) { return reinterpret_cast<Integers>(x); }
inline Doubles doubles(Integers x) { return reinterpret_cast<Doubles>(x); }

#if defined(TAPER_LEVEL_avx512)
inline Doubles broadcast(double x) { return _mm512_set1_pd(x); }
inline Floats broadcast(float x) { return _mm512_set1_ps(x); }
inline Doubles multiply_add(Doubles a, Doubles b, Doubles c) { return _mm512_fmadd_pd(a, b, c); }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
#elif defined(TAPER_LEVEL_avx2)
inline Doubles broadcast(double x) { return _mm256_set1_pd(x); }
inline Floats broadcast(float x) { return _mm256_set1_ps(x); }
inline Doubles multiply_add(Doubles a, Doubles b, Doubles c) { return _mm256_fmadd_pd(a, b, c); }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
#else
inline Doubles broadcast(double x) { return Doubles{x, x}; }
inline Floats broadcast(float x) { return Floats{x, x, x, x}; }
inline Doubles multiply_add(Doubles a, Doubles b, Doubles c) { return a * b + c; }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return a * b + c; }
#endif

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

typedef std::int32_t Pairs __attribute__((vector_size(8 * lanes)));
inline Pairs load(const std::int32_t* x) { return *reinterpret_cast<const typename Unaligned<Pairs, std::int32_t>::type*>(x); }
inline void store(std::int32_t* x, Pairs v) { *reinterpret_cast<typename Unaligned<Pairs, std::int32_t>::type*>(x) = v; }

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

// 1.5 2^52: the low bits of (integer + this) are the integer.
constexpr double integer_magic = 6755399441055744.0;

std::uint64_t slice(const double* values, std::int64_t n, const Slicing& slicing, double* to, std::int64_t step) {
    std::uint64_t found = 0;
    double scale[slice_limit], magic[slice_limit];
    for (int s = 0; s < slicing.slices; ++s) {
        scale[s] = power_of_two<double>(-slicing.lowest - s * slice_bits);
        magic[s] = integer_magic * power_of_two<double>(slicing.lowest + s * slice_bits);
    }
    for (int s = slicing.slices - 1; s >= 0; --s) {
        double* const slice = to + s * step;
        const double* const from = s == slicing.slices - 1 ? values : slice;
        double* const rest = s == 0 ? nullptr : slice - step;
        Integers any = {};
        for (std::int64_t i = 0; i < n; i += lanes) {
            const Doubles x = load(from + i), kept = (x + magic[s]) - magic[s];
            if (rest != nullptr) store(rest + i, x - kept);
            store(slice + i, kept * scale[s]);
            any |= integers(kept);
        }
        std::int64_t all = 0;
        for (int l = 0; l < lanes; ++l) all |= any[l];
        found |= std::uint64_t{all != 0} << s;
    }
    return found;
}

void add(const double* a, const double* b, std::int64_t n, double* to) {
    for (std::int64_t i = 0; i < n; i += lanes) store(to + i, load(a + i) + load(b + i));
}

void add_integers(const double* x, std::int64_t n, std::int64_t* limb) {
    const Integers magic = integers(broadcast(integer_magic));
    for (std::int64_t i = 0; i < n; i += lanes) store(limb + i, load(limb + i) + (integers(load(x + i) + integer_magic) - magic));
}

void carry(std::int64_t* limbs, std::int64_t n, int count) {
    for (int s = 0; s + 1 < count; ++s, limbs += n) {
        for (std::int64_t i = 0; i < n; i += lanes) {
            const Integers v = load(limbs + i);
            store(limbs + i, v & ((std::int64_t{1} << slice_bits) - 1));
            store(limbs + n + i, load(limbs + n + i) + (v >> slice_bits));
        }
    }
}

// Sums from the highest limb down.  The first addition that is inexact leaves an error of at least the unit of its limb, which what follows
// cannot outweigh: that error has the sign of the whole rest.
void round_to_odd(const std::int64_t* limbs, std::int64_t n, const Slicing& slicing, double* x) {
    const Integers magic = integers(broadcast(integer_magic));
    for (std::int64_t i = 0; i < n; i += lanes) {
        Doubles sum = {}, rest = {};
        for (int s = slicing.slices - 1; s >= 0; --s) {
            const Doubles limb = (doubles(load(limbs + s * n + i) + magic) - integer_magic) * power_of_two<double>(slicing.lowest + s * slice_bits);
            const Doubles next = sum + limb, part = next - sum;
            const Doubles error = (sum - (next - part)) + (limb - part);
            const Integers exact = rest == 0;
            sum = doubles((integers(next) & exact) | (integers(sum) & ~exact));
            rest = doubles((integers(error) & exact) | (integers(rest) & ~exact));
        }
        const Integers inexact = rest != 0;  // -1 where it is
        const Integers beyond = (integers(rest) ^ integers(sum)) >> 63;
        const Integers odd = (integers(sum) + (inexact & beyond)) | (inexact & 1);
        const Doubles old = load(x + i);
        const Integers finite = (old - old) == 0;
        store(x + i, doubles((odd & finite) | (integers(old) & ~finite)));
    }
}

// Odd: the bits that float32 lacks are cut off, and its last bit is set where one of them was.
void odd_floats(const double* x, std::int64_t n, float* to) {
    constexpr std::int64_t cut = (std::int64_t{1} << 29) - 1, least = 0x3810000000000000, most = 0x47efffffe0000000;
    typedef float Narrow __attribute__((vector_size(4 * lanes), aligned(4), may_alias));
    for (std::int64_t i = 0; i < n; i += lanes) {
        const Integers bits = integers(load(x + i)), magnitude = bits & std::int64_t{0x7fffffffffffffff}, sign = bits ^ magnitude;
        Integers y = (magnitude & ~cut) | (((magnitude & cut) + cut) & (cut + 1));
        y = y < least ? Integers{} + least : y;
        y = y > most ? Integers{} + most : y;
        y = magnitude == 0 ? Integers{} : y;
        y = magnitude >= Lane<double>::infinity ? magnitude : y;
        *reinterpret_cast<Narrow*>(to + i) = __builtin_convertvector(doubles(y | sign), Narrow);
    }
}

void canonical_nan(double* x, std::int64_t n) {
    const Integers nan = Integers{} + static_cast<std::int64_t>(Lane<double>::quiet_nan);
    for (std::int64_t i = 0; i < n; i += lanes) {
        const Doubles v = load(x + i);
        const Integers is_number = v == v;
        store(x + i, doubles((integers(v) & is_number) | (nan & ~is_number)));
    }
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
    k.slice = slice;
    k.add = add;
    k.add_integers = add_integers;
    k.carry = carry;
    k.round_to_odd = round_to_odd;
    k.odd_floats = odd_floats;
    k.canonical_nan = canonical_nan;
    return k;
}

}  // namespace

const ExactKernels& exact_kernels() {
    static const ExactKernels kernels = make_kernels();
    return kernels;
}

}  // namespace taper::TAPER_LEVEL
