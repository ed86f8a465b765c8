// Marks a function as one source for host and device: inlined everywhere, callable from CUDA kernels when nvcc compiles it.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define TAPER_FN __host__ __device__ __forceinline__
#else
// always_inline also keeps one-definition-rule safe the objects that are compiled several times with other -m flags (cpu_level.h).
#define TAPER_FN inline __attribute__((always_inline))
#endif

namespace taper {

// Leading zero bits of x != 0.
TAPER_FN int leading_zeros(std::uint64_t x) {
#if defined(__CUDA_ARCH__)
    return __clzll(static_cast<long long>(x));
#else
    return __builtin_clzll(x);
#endif
}

}  // namespace taper
