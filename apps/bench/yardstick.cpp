#include "yardstick.h"

#include <dlfcn.h>

#include <initializer_list>

#include <taper/formats/cpu_level.h>

namespace taper {

#define TAPER_DECLARE(level)                                                         \
    namespace level {                                                                \
    void narrowing_copy(const std::uint32_t* x, std::size_t n, std::uint8_t* codes); \
    void widening_copy(const std::uint8_t* codes, std::size_t n, std::uint32_t* y);  \
    }
TAPER_DECLARE(plain)
#if defined(TAPER_X86_LEVELS)
TAPER_DECLARE(avx2)
TAPER_DECLARE(avx512)
#endif
#undef TAPER_DECLARE

namespace bench {

void narrowing_copy(const std::uint32_t* x, std::size_t n, std::uint8_t* codes) {
#if defined(TAPER_X86_LEVELS)
    if (cpu_level() == CpuLevel::avx512) return avx512::narrowing_copy(x, n, codes);
    if (cpu_level() == CpuLevel::avx2) return avx2::narrowing_copy(x, n, codes);
#endif
    plain::narrowing_copy(x, n, codes);
}

void widening_copy(const std::uint8_t* codes, std::size_t n, std::uint32_t* y) {
#if defined(TAPER_X86_LEVELS)
    if (cpu_level() == CpuLevel::avx512) return avx512::widening_copy(codes, n, y);
    if (cpu_level() == CpuLevel::avx2) return avx2::widening_copy(codes, n, y);
#endif
    plain::widening_copy(codes, n, y);
}

OpenBlas::OpenBlas() {
    void* library = nullptr;
    for (const char* name : {"libopenblas.so.0", "libopenblas.so"})
        if (!library) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    const auto set_threads = reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"));
    sgemm_ = reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
    if (set_threads) set_threads(1);
}

void OpenBlas::multiply(int n, const float* a, const float* b, float* c) const {
    constexpr int row_major = 101, no_transpose = 111;
    sgemm_(row_major, no_transpose, no_transpose, n, n, n, 1, a, n, b, n, 0, c, n);
}

}  // namespace bench
}  // namespace taper
