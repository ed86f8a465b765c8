// Yardsticks: what the same work costs without the arithmetic, at the machine's peak, or in the best library of its kind.
// The libraries are loaded at run time, on one thread, with the instructions of cpu_level(); never needed to build or to run the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "goal.h"

namespace taper::bench {

// codes[i] = low byte of x[i]: the memory traffic of an encoder into 8 bits, compiled for the level that cpu_level() chose.
void narrowing_copy(const std::uint32_t* x, std::size_t n, std::uint8_t* codes);
// y[i] = codes[i]: the memory traffic of a decoder from 8 bits.
void widening_copy(const std::uint8_t* codes, std::size_t n, std::uint32_t* y);

// Float32 multiply-adds between registers alone, at that level: fma where it has one, else a multiplication and an addition.
// Returns how many were done; some 10 million, the same at every call.
double multiply_add_burst();
// MAC/s of `work`, which does `products` multiply-adds, as a part of the burst's, measured in turn: the part of the float32 peak of one core.
Outcome part_of_float32_peak(double products, const std::function<void()>& work, const Effort& effort);

// Whether 8-bit codes are multiplied as pairs of bfloat16, at up to twice that peak: AVX512_BF16 and VBMI at the level avx512.
bool multiplies_bfloat_pairs();

// OpenBLAS.  It takes processors newer than itself for ones without AVX-512: unless OPENBLAS_CORETYPE is set, it is told the kernels of the level.
class OpenBlas {
  public:
    OpenBlas();
    bool found() const { return sgemm_ != nullptr; }
    // c = a b, row-major n x n.
    void multiply(int n, const float* a, const float* b, float* c) const;
    void multiply(int n, const double* a, const double* b, double* c) const;

  private:
    template <class T>
    using Gemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k, T alpha, const T* a, int lda, const T* b, int ldb, T beta, T* c,
                          int ldc);
    Gemm<float> sgemm_ = nullptr;
    Gemm<double> dgemm_ = nullptr;
};

}  // namespace taper::bench
