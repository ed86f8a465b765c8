// Marks a function as one source for host and device: inlined everywhere, callable from CUDA kernels when nvcc compiles it.
#pragma once

#if defined(__CUDACC__)
#define TAPER_FN __host__ __device__ __forceinline__
#else
// always_inline also keeps one-definition-rule safe the objects that are compiled several times with other -m flags (cpu_level.h).
#define TAPER_FN inline __attribute__((always_inline))
#endif
