// Dense matrix products by cuBLASLt: C [m, n] = A [m, k] B [n, k]^T, of one or several matrices, operands as they lie.  Without nvcc (tests/cuda):
// plain loops.
#pragma once

#include <cstdint>

#include <taper/cuda/half.h>
#include <taper/cuda/runtime.h>

namespace taper::cuda {

// Element (line i, term k) of matrix e at e step + i stride + k or, where terms_first, at e step + k stride + i.
struct GemmLayout {
    std::int64_t stride;
    bool terms_first = false;
    std::int64_t step = 0;
};

struct GemmShape {
    std::int64_t m, n, k;
    GemmLayout a, b;
    std::int64_t batch = 1;  // C: row-major matrices, one behind the other
    bool add = false;        // C += instead
};

// Operands of rows of k terms without gaps.
inline GemmShape dense_gemm(std::int64_t m, std::int64_t n, std::int64_t k) { return {m, n, k, {k}, {k}}; }

// bfloat16 wants strides, steps and addresses that are multiples of this many elements, int8 k and strides.
constexpr std::int64_t bfloat16_multiple = 8, int8_multiple = 16;

// bias: null, or [n] numbers, added to each row of the sums.  Products of bfloat16 are exact; float32 is float32 throughout, no TF32.
void gemm(Runtime& runtime, const GemmShape& shape, const Bfloat16* a, const Bfloat16* b, float* c, const float* bias = nullptr);
void gemm(Runtime& runtime, const GemmShape& shape, const float* a, const float* b, float* c, const float* bias = nullptr);
void gemm(Runtime& runtime, const GemmShape& shape, const std::int8_t* a, const std::int8_t* b, std::int32_t* c);  // exact for k < 2^17; dense

}  // namespace taper::cuda
