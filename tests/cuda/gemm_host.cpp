// Matrix products of the device by plain loops on the host.
#include <taper/cuda/gemm.h>

#include <taper/formats/error.h>
#include <taper/formats/lane.h>

namespace taper::cuda {

namespace {

float value(Bfloat16 x) { return bits_as<float>(static_cast<std::uint32_t>(x.bits) << 16); }
float value(float x) { return x; }
std::int32_t value(std::int8_t x) { return x; }

// What makes the device's library slow or refuse is an error here.
void check_layout(const GemmLayout& at, std::int64_t lines, std::int64_t terms, std::int64_t multiple, const void* data) {
    const bool fits = at.stride >= (at.terms_first ? lines : terms), aligned = at.stride % multiple == 0 && at.step % multiple == 0;
    if (!fits || !aligned || reinterpret_cast<std::uintptr_t>(data) % 16 != 0) throw Error("gemm: an operand's layout does not suit the tensor cores");
}

std::int64_t index(const GemmLayout& at, std::int64_t entry, std::int64_t line, std::int64_t term) {
    return entry * at.step + (at.terms_first ? term * at.stride + line : line * at.stride + term);
}

template <class Operand, class Sum>
void multiply(const GemmShape& s, const Operand* a, const Operand* b, Sum* c, const Sum* bias) {
    for (std::int64_t i = 0; i < s.batch * s.m * s.n; ++i) {
        const std::int64_t column = i % s.n, row = i / s.n % s.m, entry = i / s.n / s.m;
        Sum sum = s.add ? c[i] : 0;
        for (std::int64_t k = 0; k < s.k; ++k) sum += value(a[index(s.a, entry, row, k)]) * value(b[index(s.b, entry, column, k)]);
        c[i] = bias == nullptr ? sum : sum + bias[column];
    }
}

}  // namespace

void gemm(Runtime& runtime, const GemmShape& s, const Bfloat16* a, const Bfloat16* b, float* c, const float* bias) {
    check_layout(s.a, s.m, s.k, bfloat16_multiple, a);
    check_layout(s.b, s.n, s.k, bfloat16_multiple, b);
    runtime.enqueue([=] { multiply(s, a, b, c, bias); });
}
void gemm(Runtime& runtime, const GemmShape& s, const float* a, const float* b, float* c, const float* bias) {
    runtime.enqueue([=] { multiply(s, a, b, c, bias); });
}
void gemm(Runtime& runtime, const GemmShape& s, const std::int8_t* a, const std::int8_t* b, std::int32_t* c) {
    check_layout(s.a, s.m, s.k, int8_multiple, a);
    check_layout(s.b, s.n, s.k, int8_multiple, b);
    const bool multiples = s.m % int8_multiple == 0 && s.n % int8_multiple == 0 && s.k % int8_multiple == 0;
    if (!multiples || s.m < 32) throw Error("gemm: int8 products want sizes that are multiples of 16, and 32 rows");
    runtime.enqueue([=] { multiply<std::int8_t, std::int32_t>(s, a, b, c, nullptr); });
}

}  // namespace taper::cuda
