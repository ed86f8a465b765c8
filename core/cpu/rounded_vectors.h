// The vectors of rounded_kernels.cpp, alone: registers of the CPU level that it is compiled for, as types of the compiler.
#pragma once

#include <taper/formats/round_lane.h>

#if defined(TAPER_LEVEL_avx2) || defined(TAPER_LEVEL_avx512)
#include <immintrin.h>
#endif

namespace taper {

#if defined(TAPER_LEVEL_avx512)
constexpr int vector_bytes = 64;
#elif defined(TAPER_LEVEL_avx2)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

// Each level's types are its own, and so are these specialisations.
typedef float FloatVector __attribute__((vector_size(vector_bytes)));
typedef double DoubleVector __attribute__((vector_size(vector_bytes)));
typedef std::uint32_t FloatBits __attribute__((vector_size(vector_bytes)));
typedef std::uint64_t DoubleBits __attribute__((vector_size(vector_bytes)));
typedef std::int32_t FloatMask __attribute__((vector_size(vector_bytes)));
typedef std::int64_t DoubleMask __attribute__((vector_size(vector_bytes)));

// Larger and smaller of numbers below 2^(width - 1).
#if defined(TAPER_LEVEL_avx512)
TAPER_FN FloatBits largest(FloatBits a, FloatBits b) { return bits_as<FloatBits>(_mm512_max_epi32(bits_as<__m512i>(a), bits_as<__m512i>(b))); }
TAPER_FN FloatBits least(FloatBits a, FloatBits b) { return bits_as<FloatBits>(_mm512_min_epi32(bits_as<__m512i>(a), bits_as<__m512i>(b))); }
TAPER_FN DoubleBits largest(DoubleBits a, DoubleBits b) { return bits_as<DoubleBits>(_mm512_max_epi64(bits_as<__m512i>(a), bits_as<__m512i>(b))); }
TAPER_FN DoubleBits least(DoubleBits a, DoubleBits b) { return bits_as<DoubleBits>(_mm512_min_epi64(bits_as<__m512i>(a), bits_as<__m512i>(b))); }
#elif defined(TAPER_LEVEL_avx2)
TAPER_FN FloatBits largest(FloatBits a, FloatBits b) { return bits_as<FloatBits>(_mm256_max_epi32(bits_as<__m256i>(a), bits_as<__m256i>(b))); }
TAPER_FN FloatBits least(FloatBits a, FloatBits b) { return bits_as<FloatBits>(_mm256_min_epi32(bits_as<__m256i>(a), bits_as<__m256i>(b))); }
// As doubles, which are ordered like their bits; of a NaN and another the second is taken.
TAPER_FN DoubleBits largest(DoubleBits a, DoubleBits b) { return bits_as<DoubleBits>(_mm256_max_pd(bits_as<__m256d>(a), bits_as<__m256d>(b))); }
TAPER_FN DoubleBits least(DoubleBits a, DoubleBits b) { return bits_as<DoubleBits>(_mm256_min_pd(bits_as<__m256d>(a), bits_as<__m256d>(b))); }
#else
template <class Bits>
TAPER_FN Bits largest(Bits a, Bits b) {
    return a < b ? b : a;
}
template <class Bits>
TAPER_FN Bits least(Bits a, Bits b) {
    return a > b ? b : a;
}
#endif

template <class Vector, class Unsigned, class Mask, class Element>
struct VectorOps {
    using Bits = Unsigned;
    using Signed = Mask;
    using Real = Element;
    static constexpr int lanes = vector_bytes / static_cast<int>(sizeof(Element));

    TAPER_FN static Bits clamped(Bits x, typename Lane<Real>::UInt low, typename Lane<Real>::UInt high) {
        return least(largest(x, Bits{} + low), Bits{} + high);
    }
    TAPER_FN static Bits nan_where(Mask condition, Bits x) {
        if constexpr (vector_bytes == 64) return condition ? Bits{} + Lane<Real>::quiet_nan : x;
        return x | bits_as<Bits>(condition);
    }
    TAPER_FN static Bits all_ones_if_negative(Bits x) {
        // AVX2 has no arithmetic shift of 64-bit lanes.
        if constexpr (vector_bytes == 32 && sizeof(Real) == 8) return bits_as<Bits>(bits_as<Mask>(x) < 0);
        return bits_as<Bits>(bits_as<Mask>(x) >> (Lane<Real>::width - 1));
    }
    TAPER_FN static Bits less_one_where(Mask condition, Bits x) {
        if constexpr (vector_bytes == 64) return condition ? x - 1 : x;
        return x + bits_as<Bits>(condition);
    }
};

template <>
struct LaneOps<FloatVector> : VectorOps<FloatVector, FloatBits, FloatMask, float> {};
template <>
struct LaneOps<DoubleVector> : VectorOps<DoubleVector, DoubleBits, DoubleMask, double> {};

template <class Real>
struct VectorOf;
template <>
struct VectorOf<float> {
    using Type = FloatVector;
    typedef FloatVector Unaligned __attribute__((aligned(4), may_alias));
};
template <>
struct VectorOf<double> {
    using Type = DoubleVector;
    typedef DoubleVector Unaligned __attribute__((aligned(8), may_alias));
};

template <class Real>
TAPER_FN typename VectorOf<Real>::Type load_vector(const Real* x) {
    return *reinterpret_cast<const typename VectorOf<Real>::Unaligned*>(x);
}
template <class Real>
TAPER_FN void store_vector(Real* x, typename VectorOf<Real>::Type v) {
    *reinterpret_cast<typename VectorOf<Real>::Unaligned*>(x) = v;
}
template <class Real>
TAPER_FN typename VectorOf<Real>::Type broadcast(Real x) {
    return x - typename VectorOf<Real>::Type{};
}

// a b + c, rounded once.
#if defined(TAPER_LEVEL_avx512)
TAPER_FN FloatVector fused(FloatVector a, FloatVector b, FloatVector c) { return _mm512_fmadd_ps(a, b, c); }
TAPER_FN DoubleVector fused(DoubleVector a, DoubleVector b, DoubleVector c) { return _mm512_fmadd_pd(a, b, c); }
#elif defined(TAPER_LEVEL_avx2)
TAPER_FN FloatVector fused(FloatVector a, FloatVector b, FloatVector c) { return _mm256_fmadd_ps(a, b, c); }
TAPER_FN DoubleVector fused(DoubleVector a, DoubleVector b, DoubleVector c) { return _mm256_fmadd_pd(a, b, c); }
#else
TAPER_FN FloatVector fused(FloatVector a, FloatVector b, FloatVector c) {
    for (int i = 0; i < 4; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
}
TAPER_FN DoubleVector fused(DoubleVector a, DoubleVector b, DoubleVector c) {
    for (int i = 0; i < 2; ++i) c[i] = __builtin_fma(a[i], b[i], c[i]);
    return c;
}
#endif

// IEEE half precision, by the machine's conversions there and back.
#if defined(TAPER_LEVEL_avx512)
struct HalfRound {
    TAPER_FN FloatVector operator()(FloatVector x) const { return _mm512_cvtph_ps(_mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)); }
};
#elif defined(TAPER_LEVEL_avx2)
struct HalfRound {
    TAPER_FN FloatVector operator()(FloatVector x) const { return _mm256_cvtph_ps(_mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT)); }
};
#endif

}  // namespace taper
