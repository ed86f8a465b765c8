#include <taper/formats/cpu_level.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include <taper/formats/error.h>

#if defined(TAPER_X86_LEVELS)
#include <cpuid.h>
#endif

namespace taper {
namespace {

#if defined(TAPER_X86_LEVELS)
// F16C, which clang's __builtin_cpu_supports does not know.
bool has_half_conversions() {
    unsigned a, b, c = 0, d;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

CpuLevel best_level() {
#if defined(TAPER_X86_LEVELS)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        return CpuLevel::avx512;
    if (__builtin_cpu_supports("avx2") && has_half_conversions() && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return CpuLevel::avx2;
#endif
    return CpuLevel::plain;
}

CpuLevel chosen_level() {
    const CpuLevel best = best_level();
    const char* wish = std::getenv("TAPER_CPU_LEVEL");
    if (wish == nullptr || *wish == '\0') return best;
    for (const CpuLevel level : {CpuLevel::plain, CpuLevel::avx2, CpuLevel::avx512}) {
        if (std::string_view(wish) != name(level)) continue;
        if (level > best) throw Error(std::string("TAPER_CPU_LEVEL: this machine or build lacks it: ") + wish + " (want at most " + name(best) + ")");
        return level;
    }
    throw Error(std::string("TAPER_CPU_LEVEL: unknown level: \"") + wish + "\" (want plain, avx2 or avx512)");
}

}  // namespace

CpuLevel cpu_level() {
    static const CpuLevel level = chosen_level();
    return level;
}

const char* name(CpuLevel level) {
    switch (level) {
        case CpuLevel::plain: return "plain";
        case CpuLevel::avx2: return "avx2";
        default: return "avx512";
    }
}

}  // namespace taper
