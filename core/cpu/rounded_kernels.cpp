// One loop for every way of rounding a step.  The sums lie in the first-level cache, not in registers: a step is ten to eighty instructions
// on a sum, so that a load and a store cost little and all registers serve the rounding; the many sums of a tile hide the latency of each.
#include <taper/core/cpu/rounded_kernels.h>
#include <taper/core/cpu/rounded_vectors.h>

namespace taper::TAPER_LEVEL {
namespace {

template <class Real>
using VectorFor = typename VectorOf<Real>::Type;

// A sum rounded to odd: exact, or the neighbour whose last bit is 1, so that a rounding to at least two bits less gives what one rounding of
// the exact sum gives (Boldo, Melquiond 2008).  An exact 0 of two terms that cancel is +0.
#if defined(TAPER_LEVEL_avx512)
// The neighbours are the sums rounded down and up: the smaller magnitude, with the last bit set where they differ.  Where a sum overflows,
// that is the largest float, from which every format rounds as from the sum.
TAPER_FN FloatVector between(FloatVector down, FloatVector up) {
    const __m512i smaller = _mm512_min_epu32(bits_as<__m512i>(down), bits_as<__m512i>(up));
    return bits_as<FloatVector>(_mm512_mask_or_epi32(smaller, _mm512_cmp_ps_mask(down, up, _CMP_NEQ_OQ), smaller, _mm512_set1_epi32(1)));
}
TAPER_FN DoubleVector between(DoubleVector down, DoubleVector up) {
    const __m512i smaller = _mm512_min_epu64(bits_as<__m512i>(down), bits_as<__m512i>(up));
    return bits_as<DoubleVector>(_mm512_mask_or_epi64(smaller, _mm512_cmp_pd_mask(down, up, _CMP_NEQ_OQ), smaller, _mm512_set1_epi64(1)));
}
constexpr int down = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC, up = _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC;
TAPER_FN FloatVector odd_sum(FloatVector s, FloatVector p) { return between(_mm512_add_round_ps(s, p, down), _mm512_add_round_ps(s, p, up)); }
TAPER_FN DoubleVector odd_sum(DoubleVector s, DoubleVector p) { return between(_mm512_add_round_pd(s, p, down), _mm512_add_round_pd(s, p, up)); }
TAPER_FN FloatVector odd_fused(FloatVector a, FloatVector b, FloatVector s) {
    return between(_mm512_fmadd_round_ps(a, b, s, down), _mm512_fmadd_round_ps(a, b, s, up));
}
TAPER_FN DoubleVector odd_fused(DoubleVector a, DoubleVector b, DoubleVector s) {
    return between(_mm512_fmadd_round_pd(a, b, s, down), _mm512_fmadd_round_pd(a, b, s, up));
}
#else
// a where x is not 0, b where it is or is NaN.
#if defined(TAPER_LEVEL_avx2)
TAPER_FN FloatBits where_not_zero(FloatVector x, FloatBits a, FloatBits b) {
    return bits_as<FloatBits>(_mm256_blendv_ps(bits_as<__m256>(b), bits_as<__m256>(a), _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_NEQ_OQ)));
}
TAPER_FN DoubleBits where_not_zero(DoubleVector x, DoubleBits a, DoubleBits b) {
    return bits_as<DoubleBits>(_mm256_blendv_pd(bits_as<__m256d>(b), bits_as<__m256d>(a), _mm256_cmp_pd(x, _mm256_setzero_pd(), _CMP_NEQ_OQ)));
}
#else
template <class V, class Bits>
TAPER_FN Bits where_not_zero(V x, Bits a, Bits b) {
    return ((x < 0) | (x > 0)) ? a : b;
}
#endif
// `nearest` is the sum rounded to nearest and `error` the rest of it; NaN, of an infinite sum, changes nothing.
template <class V>
TAPER_FN V to_odd(V nearest, V error) {
    using Bits = typename LaneOps<V>::Bits;
    const Bits bits = bits_as<Bits>(nearest), toward_zero = bits + LaneOps<V>::all_ones_if_negative(bits_as<Bits>(error) ^ bits);
    return bits_as<V>(where_not_zero(error, toward_zero | 1, bits));
}
// Knuth's TwoSum: t and the rest of the sum, exactly.
template <class V>
TAPER_FN V odd_sum(V s, V p) {
    const V t = s + p, grown = t - s;
    return to_odd(t, (s - (t - grown)) + (p - grown));
}
// The same with p = a b: as that is exact, the operations on it may be fused.
template <class V>
TAPER_FN V odd_fused(V a, V b, V s) {
#if defined(TAPER_LEVEL_avx2)
    const V t = fused(a, b, s), grown = t - s;
    return to_odd(t, (s - (t - grown)) + fused(a, b, -grown));
#else
    return odd_sum(s, a * b);
#endif
}
#endif

struct FusedStep {
    template <class V, class Round>
    TAPER_FN static void apply(V a, V b, V& s, V&, const Round& r) {
        s = r(odd_fused(a, b, s));
    }
};
struct InLaneStep {
    template <class V, class Round>
    TAPER_FN static void apply(V a, V b, V& s, V&, const Round& r) {
        s = r(fused(a, b, s));
    }
};
struct ProductStep {
    template <class V, class Round>
    TAPER_FN static void apply(V a, V b, V& s, V&, const Round& r) {
        s = r(a * b);
    }
};
struct CompensatedStep {
    static constexpr bool uses_other = true;
    template <class V, class Round>
    TAPER_FN static void apply(V a, V b, V& s, V& e, const Round& r) {
        const V y = r(odd_fused(a, b, -e));
        const V t = r(odd_sum(s, y));
        e = r(odd_sum(r(odd_sum(t, -s)), -y));
        s = t;
    }
};

template <class Real>
TAPER_FN const auto& rounding(const LaneRound<Real>& r, const PositRound<Real>*) {
    return r.posit;
}
template <class Real>
TAPER_FN const auto& rounding(const LaneRound<Real>& r, const MinifloatRound<Real>*) {
    return r.minifloat;
}
template <class Real>
TAPER_FN const auto& rounding(const LaneRound<Real>& r, const NarrowedRound*) {
    return r.narrowed;
}
template <class Real>
TAPER_FN const auto& rounding(const LaneRound<Real>& r, const FixedRound<Real>*) {
    return r.fixed;
}
#if !defined(TAPER_LEVEL_plain)
template <class Real>
TAPER_FN HalfRound rounding(const LaneRound<Real>&, const HalfRound*) {
    return {};
}
#endif
template <class Real>
TAPER_FN NoRound rounding(const LaneRound<Real>&, const NoRound*) {
    return {};
}

// step(a, b, s, e) of one term and rows x vectors sums side by side, whose instructions the compiler interleaves.
template <bool with_other, int rows, int vectors, class Real, class Step>
TAPER_FN void apply(const Real* a, const Real* b, Real* sums, Real* others, Step& step) {
    using V = VectorFor<Real>;
    constexpr int lanes = LaneOps<V>::lanes, count = rows * vectors;
    V s[count], e[count] = {};
#pragma GCC unroll 4
    for (int n = 0; n < count; ++n) {
        s[n] = load_vector(sums + n * lanes);
        if constexpr (with_other) e[n] = load_vector(others + n * lanes);
    }
#pragma GCC unroll 4
    for (int n = 0; n < count; ++n) step(broadcast(a[n / vectors]), load_vector(b + n % vectors * lanes), s[n], e[n]);
#pragma GCC unroll 4
    for (int n = 0; n < count; ++n) {
        store_vector(sums + n * lanes, s[n]);
        if constexpr (with_other) store_vector(others + n * lanes, e[n]);
    }
}

template <bool with_other, int vectors, class Real, class Step>
TAPER_FN void for_terms_of(const RoundTile<Real>& tile, Step& step) {
    constexpr int rows_at_once = 4 / vectors;
    constexpr std::int64_t columns = vectors * LaneOps<VectorFor<Real>>::lanes;
    const std::int64_t terms = tile.terms, rows = tile.rows;
    const Real* __restrict a = tile.left;
    const Real* __restrict b = tile.right;
    Real* const __restrict sums = tile.sum;
    Real* const __restrict others = tile.other;
    for (std::int64_t k = 0; k < terms; ++k, a += rows, b += columns) {
        std::int64_t i = 0;
        for (; i + rows_at_once <= rows; i += rows_at_once) apply<with_other, rows_at_once, vectors>(a + i, b, sums + i * columns, others + i * columns, step);
        if constexpr (rows_at_once > 1) {
            for (; i < rows; ++i) apply<with_other, 1, vectors>(a + i, b, sums + i * columns, others + i * columns, step);
        }
    }
}

// step(a, b, s, e) of every term and sum of the tile.
template <bool with_other, class Real, class Step>
TAPER_FN void for_terms(const RoundTile<Real>& tile, Step& step) {
    if (tile.vectors == 4) return for_terms_of<with_other, 4>(tile, step);
    if (tile.vectors == 2) return for_terms_of<with_other, 2>(tile, step);
    for_terms_of<with_other, 1>(tile, step);
}

template <class Real, class Round, class Step>
void run(const LaneRound<Real>& parameters, const RoundTile<Real>& tile) {
    using V = VectorFor<Real>;
    const Round r = rounding(parameters, static_cast<const Round*>(nullptr));
    auto step = [&r](V a, V b, V& s, V& e) { Step::apply(a, b, s, e, r); };
    for_terms<requires { Step::uses_other; }>(tile, step);
}

template <class Real, class Round>
void add(const LaneRound<Real>& parameters, const RoundTile<Real>& tile) {
    constexpr int lanes = LaneOps<VectorFor<Real>>::lanes;
    const Round r = rounding(parameters, static_cast<const Round*>(nullptr));
    for (std::int64_t at = 0; at < tile.rows * tile.vectors * lanes; at += lanes)
        store_vector(tile.sum + at, r(odd_sum(load_vector(tile.sum + at), load_vector(tile.other + at))));
}

// Where a posit has fraction bits it is locally a minifloat: MinifloatRound's addition, with the digits that the regime of x leaves.
// `lacking`, the fraction bits that are missing less one, is a large number where none is; a zero's is larger than any other sum's.
bool guess(const LaneRound<float>& parameters, const RoundTile<float>& tile) {
    const PositRound<float>& r = parameters.posit;
    using Masks = LaneMasks<float>;
    const std::uint32_t shift = r.regime_shift, digits = static_cast<std::uint32_t>(r.fraction_bits), zero_lacks = ((Masks::one - 1) >> shift) - digits;
    FloatBits fewest = ~FloatBits{};
    auto step = [&](FloatVector a, FloatVector b, FloatVector& s, FloatVector&) {
        const FloatVector x = fused(a, b, s);
        const FloatBits e = bits_as<FloatBits>(x) & Masks::infinity, t = e - Masks::one;
        const FloatBits lacking = ((t ^ LaneOps<FloatVector>::all_ones_if_negative(t)) >> (FloatBits{} + shift)) - digits;
        fewest = lacking < fewest ? lacking : fewest;
        const FloatVector c = bits_as<FloatVector>(e + (lacking << 23) + (23u << 23 | 0x400000u));
        s = (x + c) - c;
    };
    for_terms<false>(tile, step);
    std::uint32_t worst = ~0u;
    for (int i = 0; i < LaneOps<FloatVector>::lanes; ++i) worst = fewest[i] < worst ? fewest[i] : worst;
    return worst >= zero_lacks;
}

template <class Real, class Round>
void fill(RoundedKernels<Real>& kernels, RoundKind kind) {
    const int k = static_cast<int>(kind);
    kernels.fused[k] = run<Real, Round, FusedStep>;
    kernels.in_lane[k] = run<Real, Round, InLaneStep>;
    kernels.compensated[k] = run<Real, Round, CompensatedStep>;
    kernels.product[k] = run<Real, Round, ProductStep>;
    kernels.add[k] = add<Real, Round>;
}

template <class Real>
RoundedKernels<Real> make_kernels() {
    RoundedKernels<Real> kernels = {};
    kernels.lanes = LaneOps<VectorFor<Real>>::lanes;
    fill<Real, PositRound<Real>>(kernels, RoundKind::posit);
    fill<Real, MinifloatRound<Real>>(kernels, RoundKind::minifloat);
    fill<Real, FixedRound<Real>>(kernels, RoundKind::fixed);
    kernels.in_lane[static_cast<int>(RoundKind::none)] = run<Real, NoRound, InLaneStep>;
    return kernels;
}

}  // namespace

const RoundedKernels<float>& rounded_kernels_float() {
    static const RoundedKernels<float> kernels = [] {
        RoundedKernels<float> k = make_kernels<float>();
        fill<float, NarrowedRound>(k, RoundKind::narrowed);
#if !defined(TAPER_LEVEL_plain)
        fill<float, HalfRound>(k, RoundKind::half);
#endif
        k.guess = guess;
        return k;
    }();
    return kernels;
}

const RoundedKernels<double>& rounded_kernels_double() {
    static const RoundedKernels<double> kernels = make_kernels<double>();
    return kernels;
}

}  // namespace taper::TAPER_LEVEL
