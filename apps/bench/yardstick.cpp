#include "yardstick.h"

#include <dlfcn.h>

#include <cstdlib>

#include <taper/formats/cpu_level.h>

namespace taper {

#define TAPER_DECLARE(level)                                                         \
    namespace level {                                                                \
    void narrowing_copy(const std::uint32_t* x, std::size_t n, std::uint8_t* codes); \
    void widening_copy(const std::uint8_t* codes, std::size_t n, std::uint32_t* y);  \
    double multiply_add_burst();                                                     \
    }
TAPER_DECLARE(plain)
#if defined(TAPER_X86_LEVELS)
TAPER_DECLARE(avx2)
TAPER_DECLARE(avx512)
#define TAPER_CALL(call)                                      \
    if (cpu_level() == CpuLevel::avx512) return avx512::call; \
    if (cpu_level() == CpuLevel::avx2) return avx2::call;     \
    return plain::call
#else
#define TAPER_CALL(call) return plain::call
#endif
#undef TAPER_DECLARE

namespace bench {

void narrowing_copy(const std::uint32_t* x, std::size_t n, std::uint8_t* codes) { TAPER_CALL(narrowing_copy(x, n, codes)); }
void widening_copy(const std::uint8_t* codes, std::size_t n, std::uint32_t* y) { TAPER_CALL(widening_copy(codes, n, y)); }
double multiply_add_burst() { TAPER_CALL(multiply_add_burst()); }

Outcome part_of_float32_peak(double products, const std::function<void()>& work, const Effort& effort) {
    const double burst = multiply_add_burst();
    const auto [peak, ours] = time_in_turn([] { multiply_add_burst(); }, work, effort);
    return {products / ours / (burst / peak), {}};
}

bool multiplies_bfloat_pairs() {
#if defined(TAPER_X86_LEVELS)
    return cpu_level() == CpuLevel::avx512 && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vbmi");
#else
    return false;
#endif
}

OpenBlas::OpenBlas() {
    constexpr int keep = 0;  // a setting of the user's
    const CpuLevel level = cpu_level();
    setenv("OPENBLAS_CORETYPE", level == CpuLevel::avx512 ? "SkylakeX" : level == CpuLevel::avx2 ? "Haswell" : "Core2", keep);
    void* library = nullptr;
    for (const char* name : {"libopenblas.so.0", "libopenblas.so"})
        if (!library) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    const auto set_threads = reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"));
    sgemm_ = reinterpret_cast<Gemm<float>>(dlsym(library, "cblas_sgemm"));
    dgemm_ = reinterpret_cast<Gemm<double>>(dlsym(library, "cblas_dgemm"));
    if (set_threads) set_threads(1);
}

constexpr int row_major = 101, no_transpose = 111;

void OpenBlas::multiply(int n, const float* a, const float* b, float* c) const {
    sgemm_(row_major, no_transpose, no_transpose, n, n, n, 1, a, n, b, n, 0, c, n);
}

void OpenBlas::multiply(int n, const double* a, const double* b, double* c) const {
    dgemm_(row_major, no_transpose, no_transpose, n, n, n, 1, a, n, b, n, 0, c, n);
}

}  // namespace bench
}  // namespace taper
