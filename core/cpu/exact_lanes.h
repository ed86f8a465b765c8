// The vector registers of the level for the kernels of exact sums.  Included by their *_kernels.cpp alone: what it defines is local to a level.
#pragma once

#include <taper/core/cpu/exact_kernels.h>

#if defined(TAPER_LEVEL_avx2) || defined(TAPER_LEVEL_avx512)
#include <immintrin.h>
#endif

namespace taper::TAPER_LEVEL {

// Sets the members of exact_slice_kernels.cpp.
void set_slice_kernels(ExactKernels& kernels);

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

typedef std::int32_t Pairs __attribute__((vector_size(8 * lanes)));
inline Pairs load(const std::int32_t* x) { return *reinterpret_cast<const typename Unaligned<Pairs, std::int32_t>::type*>(x); }
inline void store(std::int32_t* x, Pairs v) { *reinterpret_cast<typename Unaligned<Pairs, std::int32_t>::type*>(x) = v; }

}  // namespace
}  // namespace taper::TAPER_LEVEL
