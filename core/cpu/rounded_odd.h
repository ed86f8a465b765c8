// Sums of vectors rounded to odd, for rounded_kernels.cpp alone.
#pragma once

#include <taper/core/cpu/rounded_vectors.h>

namespace taper::TAPER_LEVEL {
namespace {

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

}  // namespace
}  // namespace taper::TAPER_LEVEL
