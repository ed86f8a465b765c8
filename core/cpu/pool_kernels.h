// The inner loops of 2x2 max pooling with stride 2, defined once per CPU level.
#pragma once

#include <cstddef>
#include <cstdint>

namespace taper {

// y[j] = the winner of r0[2j], r0[2j + 1], r1[2j], r1[2j + 1], the first of equals; index[j] = its number in that order.
// Codes are compared as the unsigned (code ^ flip) - less (code_facts.h); floats as values, NaN above all.
struct PoolKernels {
    void (*max_float)(const float* r0, const float* r1, std::size_t n, float* y, std::uint8_t* index);
    void (*max_codes[2])(const void* r0, const void* r1, std::uint32_t flip, std::uint32_t less, std::size_t n, void* y, std::uint8_t* index);  // 1, 2 bytes
    // Sends dy[j] to the winner's place in the two rows of dx, and 0 to the other three; 1, 2, 4, 8 bytes.
    void (*max_backward[4])(const void* dy, const std::uint8_t* index, std::size_t n, void* r0, void* r1);
};

namespace plain {
const PoolKernels& pool_kernels();
}
namespace avx2 {
const PoolKernels& pool_kernels();
}
namespace avx512 {
const PoolKernels& pool_kernels();
}

const PoolKernels& pool_kernels();  // of cpu_level()

}  // namespace taper
