// Matrix products of the device by plain loops on the host.
#include <taper/cuda/gemm.h>

#include <taper/formats/lane.h>

namespace taper::cuda {

namespace {

float value(Bfloat16 x) { return bits_as<float>(static_cast<std::uint32_t>(x.bits) << 16); }
float value(float x) { return x; }
std::int32_t value(std::int8_t x) { return x; }

template <class Operand, class Sum>
void multiply(const GemmShape& s, const Operand* a, const Operand* b, Sum* c) {
    for (std::int64_t i = 0; i < s.m; ++i) {
        for (std::int64_t j = 0; j < s.n; ++j) {
            Sum sum = 0;
            for (std::int64_t k = 0; k < s.k; ++k) sum += value(a[i * s.k + k]) * value(b[j * s.k + k]);
            c[i * s.n + j] = sum;
        }
    }
}

}  // namespace

void gemm(Runtime& runtime, const GemmShape& shape, const Bfloat16* a, const Bfloat16* b, float* c) {
    runtime.enqueue([=] { multiply(shape, a, b, c); });
}
void gemm(Runtime& runtime, const GemmShape& shape, const float* a, const float* b, float* c) {
    runtime.enqueue([=] { multiply(shape, a, b, c); });
}
void gemm(Runtime& runtime, const GemmShape& shape, const std::int8_t* a, const std::int8_t* b, std::int32_t* c) {
    runtime.enqueue([=] { multiply(shape, a, b, c); });
}

}  // namespace taper::cuda
