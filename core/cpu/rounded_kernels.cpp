// One loop for every way of rounding a step.  The sums lie in the first-level cache, not in registers: a step is ten to eighty instructions
// on a sum, so that a load and a store cost little and all registers serve the rounding; the many sums of a tile hide the latency of each.
#include <taper/core/cpu/rounded_kernels.h>
#include <taper/core/cpu/rounded_vectors.h>

namespace taper::TAPER_LEVEL {
namespace {

template <class Real>
using VectorFor = typename VectorOf<Real>::Type;

// `nearest` is a sum rounded to nearest and `error` the rest of it: the sum rounded to odd, so that a rounding to at least two bits less
// gives what one rounding of the sum gives.  An error of NaN (of an infinite sum) changes nothing.
template <class V>
TAPER_FN V to_odd(V nearest, V error) {
    using Bits = typename LaneOps<V>::Bits;
    const Bits bits = bits_as<Bits>(nearest);
#if defined(TAPER_LEVEL_avx512)
    // Only the compare and two masked operations.
    const Bits signs = bits_as<Bits>(error) ^ bits;
    if constexpr (sizeof(typename LaneOps<V>::Real) == 4) {
        const __mmask16 inexact = _mm512_cmp_ps_mask(error, _mm512_setzero_ps(), _CMP_NEQ_OQ);
        const __mmask16 beyond = _mm512_mask_test_epi32_mask(inexact, bits_as<__m512i>(signs), _mm512_set1_epi32(INT32_MIN));
        const __m512i moved = _mm512_mask_add_epi32(bits_as<__m512i>(bits), beyond, bits_as<__m512i>(bits), _mm512_set1_epi32(-1));
        return bits_as<V>(_mm512_mask_or_epi32(moved, inexact, moved, _mm512_set1_epi32(1)));
    } else {
        const __mmask8 inexact = _mm512_cmp_pd_mask(error, _mm512_setzero_pd(), _CMP_NEQ_OQ);
        const __mmask8 beyond = _mm512_mask_test_epi64_mask(inexact, bits_as<__m512i>(signs), _mm512_set1_epi64(INT64_MIN));
        const __m512i moved = _mm512_mask_add_epi64(bits_as<__m512i>(bits), beyond, bits_as<__m512i>(bits), _mm512_set1_epi64(-1));
        return bits_as<V>(_mm512_mask_or_epi64(moved, inexact, moved, _mm512_set1_epi64(1)));
    }
#else
    const Bits inexact = bits_as<Bits>((error < 0) | (error > 0));
    const Bits beyond = inexact & LaneOps<V>::all_ones_if_negative(bits_as<Bits>(error) ^ bits);
    return bits_as<V>((bits + beyond) | (inexact & 1));
#endif
}

// Knuth's TwoSum, whose last term is exact.
template <class V>
TAPER_FN V odd_sum(V s, V p) {
    const V t = s + p, grown = t - s;
    return to_odd(t, (s - (t - grown)) + (p - grown));
}

// a b + s: the same with p = a b, which is exact, so that both operations on p may be fused.
template <class V>
TAPER_FN V odd_fused(V a, V b, V s) {
#if defined(TAPER_LEVEL_avx2) || defined(TAPER_LEVEL_avx512)
    const V t = fused(a, b, s), grown = t - s;
    return to_odd(t, (s - (t - grown)) + fused(a, b, -grown));
#else
    return odd_sum(s, a * b);
#endif
}

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
template <class Real>
TAPER_FN NoRound rounding(const LaneRound<Real>&, const NoRound*) {
    return {};
}

// step(a, b, s, e) of every term and sum of the tile.
template <bool with_other, class Real, class Step>
TAPER_FN void for_terms(const RoundTile<Real>& tile, Step& step) {
    using V = VectorFor<Real>;
    constexpr int lanes = LaneOps<V>::lanes;
    const std::int64_t terms = tile.terms, rows = tile.rows, vectors = tile.vectors;
    const Real* __restrict a = tile.left;
    const Real* __restrict b = tile.right;
    Real* const __restrict sums = tile.sum;
    Real* const __restrict others = tile.other;
    for (std::int64_t k = 0; k < terms; ++k, a += rows, b += vectors * lanes) {
        std::int64_t at = 0;
        for (std::int64_t i = 0; i < rows; ++i) {
            const V x = broadcast(a[i]);
            for (std::int64_t v = 0; v < vectors; ++v, at += lanes) {
                V s = load_vector(sums + at), e = {};
                if constexpr (with_other) e = load_vector(others + at);
                step(x, load_vector(b + v * lanes), s, e);
                store_vector(sums + at, s);
                if constexpr (with_other) store_vector(others + at, e);
            }
        }
    }
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
    const int shift = r.regime_shift;
    const std::uint32_t digits = static_cast<std::uint32_t>(r.fraction_bits), zero_lacks = ((Masks::one - 1) >> shift) - digits;
    FloatBits fewest = ~FloatBits{};
    auto step = [&](FloatVector a, FloatVector b, FloatVector& s, FloatVector&) {
        const FloatVector x = fused(a, b, s);
        const FloatBits e = bits_as<FloatBits>(x) & Masks::infinity, t = e - Masks::one;
        const FloatBits lacking = ((t ^ LaneOps<FloatVector>::all_ones_if_negative(t)) >> shift) - digits;
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
