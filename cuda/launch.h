// How kernels run: a body is written once and launched on the stream of a device, or looped over where nvcc does not compile it (tests/cuda).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include <taper/cuda/runtime.h>
#include <taper/formats/host_device.h>

#if defined(__CUDACC__)
#include <cuda_runtime.h>

#include <taper/cuda/check.h>
// A kernel's body as a lambda: TAPER_BODY(std::int64_t i) { ... }.
#define TAPER_BODY [=] __host__ __device__
// A function that kernels call rather than hold a copy of: code of all formats, which would swell every kernel.
#define TAPER_CALLED inline __host__ __device__ __noinline__
#else
#define TAPER_BODY [=]
#define TAPER_CALLED inline
#endif
// Before a loop over an array that is to stay in registers, and before one that must not be unrolled.
#if defined(__CUDA_ARCH__)
#define TAPER_UNROLL _Pragma("unroll")
#define TAPER_NO_UNROLL _Pragma("unroll 1")
#else
#define TAPER_UNROLL
#define TAPER_NO_UNROLL
#endif

namespace taper::cuda {

constexpr int block_threads = 256;

// The size from which a path pays on a device.  `small` in tests on the host, and on a device with TAPER_CUDA_SMALL=1 in the environment: small tests
// reach the path.
inline std::int64_t pays_from(std::int64_t usual, std::int64_t small) {
#if defined(__CUDACC__)
    static const bool at_once = std::getenv("TAPER_CUDA_SMALL") != nullptr;
    return at_once ? small : usual;
#else
    (void)usual;
    return small;
#endif
}

#if defined(__CUDACC__)
// A parameter in constant memory, so that functions that take its address copy nothing.
template <class Body>
__global__ void __launch_bounds__(block_threads) run_each(std::int64_t n, const __grid_constant__ Body body) {
    const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) body(i);
}

template <class Kernel>
__global__ void __launch_bounds__(Kernel::threads) run_phases(const __grid_constant__ Kernel kernel) {
    __shared__ typename Kernel::Shared shared;
    typename Kernel::State state;
    const int thread = static_cast<int>(threadIdx.x);
    const std::int64_t block = blockIdx.x;
    const int phases = kernel.phases(block);
    for (int phase = 0; phase < phases; ++phase) {
        kernel.phase(phase, block, thread, shared, state);
        __syncthreads();
    }
}
#endif

// body(i) for i in [0, n), in no order.
template <class Body>
void for_each(Runtime& runtime, std::int64_t n, const Body& body) {
    if (n <= 0) return;
#if defined(__CUDACC__)
    const Runtime::Turn turn = runtime.turn();
    runtime.use();
    const std::int64_t blocks = std::min<std::int64_t>((n + block_threads - 1) / block_threads, std::int64_t{32} * runtime.processors());
    run_each<<<static_cast<unsigned>(blocks), block_threads, 0, static_cast<cudaStream_t>(runtime.stream())>>>(n, body);
    check(cudaGetLastError(), "launch of an element-wise kernel", n);
#else
    runtime.enqueue([n, body] {
        for (std::int64_t i = 0; i < n; ++i) body(i);
    });
#endif
}

// Blocks of Kernel::threads threads that share a Kernel::Shared, each thread with a Kernel::State of its own: phase p of all threads of a block is
// done before phase p + 1 begins.  Kernel: int phases(block); void phase(int phase, block, int thread, Shared&, State&).
template <class Kernel>
void for_blocks(Runtime& runtime, std::int64_t blocks, const Kernel& kernel) {
    if (blocks <= 0) return;
#if defined(__CUDACC__)
    const Runtime::Turn turn = runtime.turn();
    runtime.use();
    run_phases<<<static_cast<unsigned>(blocks), Kernel::threads, 0, static_cast<cudaStream_t>(runtime.stream())>>>(kernel);
    check(cudaGetLastError(), "launch of a block kernel", blocks);
#else
    runtime.enqueue([blocks, kernel] {
        std::vector<typename Kernel::State> states(Kernel::threads);
        auto shared = std::make_unique<typename Kernel::Shared>();
        for (std::int64_t block = 0; block < blocks; ++block) {
            const int phases = kernel.phases(block);
            for (int phase = 0; phase < phases; ++phase) {
                for (int thread = 0; thread < Kernel::threads; ++thread) kernel.phase(phase, block, thread, *shared, states[static_cast<std::size_t>(thread)]);
            }
        }
    });
#endif
}

}  // namespace taper::cuda
