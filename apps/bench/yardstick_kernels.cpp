// The two copies and the multiply-adds, compiled once per CPU level.
#include <cstddef>
#include <cstdint>

#if defined(TAPER_LEVEL_avx2) || defined(TAPER_LEVEL_avx512)
#include <immintrin.h>
#endif

namespace taper::TAPER_LEVEL {
namespace {

#if defined(TAPER_LEVEL_avx512)
using Vector = __m512;
inline Vector broadcast(float x) { return _mm512_set1_ps(x); }
inline Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
#elif defined(TAPER_LEVEL_avx2)
using Vector = __m256;
inline Vector broadcast(float x) { return _mm256_set1_ps(x); }
inline Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
#else
typedef float Vector __attribute__((vector_size(16)));
inline Vector broadcast(float x) { return Vector{x, x, x, x}; }
inline Vector multiply_add(Vector a, Vector b, Vector c) { return a * b + c; }
#endif

constexpr int chains = 12;  // independent sums: they hide the latency of an operation on every machine so far
volatile float factor = 0.5f, sink;

}  // namespace

void narrowing_copy(const std::uint32_t* x, std::size_t n, std::uint8_t* codes) {
    for (std::size_t i = 0; i < n; ++i) codes[i] = static_cast<std::uint8_t>(x[i]);
}

void widening_copy(const std::uint8_t* codes, std::size_t n, std::uint32_t* y) {
    for (std::size_t i = 0; i < n; ++i) y[i] = codes[i];
}

double multiply_add_burst() {
    constexpr int lanes = sizeof(Vector) / sizeof(float), rounds = 10'000'000 / (chains * lanes);
    const Vector a = broadcast(factor), b = broadcast(factor);
    Vector sum[chains];
#pragma GCC unroll 12
    for (Vector& s : sum) s = broadcast(factor);  // read anew: chains that begin alike are computed as one
    for (int round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
        for (Vector& s : sum) s = multiply_add(s, a, b);
    }
    Vector total = sum[0];
#pragma GCC unroll 12
    for (int i = 1; i < chains; ++i) total += sum[i];
    sink = total[0];
    return static_cast<double>(rounds) * chains * lanes;
}

}  // namespace taper::TAPER_LEVEL
