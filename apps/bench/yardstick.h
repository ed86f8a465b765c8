// Yardsticks: what the same work costs without the arithmetic, or in the best library of its kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace taper::bench {

// codes[i] = low byte of x[i]: the memory traffic of an encoder into 8 bits, compiled for the level that cpu_level() chose.
void narrowing_copy(const std::uint32_t* x, std::size_t n, std::uint8_t* codes);
// y[i] = codes[i]: the memory traffic of a decoder from 8 bits.
void widening_copy(const std::uint8_t* codes, std::size_t n, std::uint32_t* y);

// OpenBLAS, loaded at run time; never needed to build or to run the rest.
class OpenBlas {
  public:
    OpenBlas();  // on one thread
    bool found() const { return sgemm_ != nullptr; }
    // c = a b, row-major n x n.
    void multiply(int n, const float* a, const float* b, float* c) const;

  private:
    using Sgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float* a, int lda, const float* b, int ldb,
                           float beta, float* c, int ldc);
    Sgemm sgemm_ = nullptr;
};

}  // namespace taper::bench
