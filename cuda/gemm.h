// Dense matrix products by cuBLASLt: C [m, n] = A [m, k] B [n, k]^T, all row-major, k a multiple of 16.  Without nvcc (tests/cuda): plain loops.
#pragma once

#include <cstdint>

#include <taper/cuda/runtime.h>

namespace taper::cuda {

struct Bfloat16 {
    std::uint16_t bits;
};

struct GemmShape {
    std::int64_t m, n, k;
};
constexpr std::int64_t gemm_depth = 16;  // that k is a multiple of

void gemm(Runtime& runtime, const GemmShape& shape, const Bfloat16* a, const Bfloat16* b, float* c);      // products exact, sums in float32
void gemm(Runtime& runtime, const GemmShape& shape, const float* a, const float* b, float* c);            // float32 throughout: no TF32
void gemm(Runtime& runtime, const GemmShape& shape, const std::int8_t* a, const std::int8_t* b, std::int32_t* c);  // exact for k < 2^17

}  // namespace taper::cuda
