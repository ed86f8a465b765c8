// The loops of 2x2 max pooling with stride 2, defined once per CPU level.
#pragma once

#include <cstddef>
#include <cstdint>

namespace taper {

// Rows of an image of width `width`, taken two by two; q windows in a pair of rows, 2 q <= width.
struct RowPairs {
    std::size_t pairs, width, q;
};

// For each window [x0 x1; x2 x3], in order of rows: y = the winner, the first of equals; index = its number 0 to 3.
// Codes are compared as the unsigned (code ^ flip) - less (code_facts.h); floats as values, NaN above all.
struct PoolKernels {
    void (*max_float)(const RowPairs& rows, const float* x, float* y, std::uint8_t* index);
    void (*max_codes[2])(const RowPairs& rows, std::uint32_t flip, std::uint32_t less, const void* x, void* y, std::uint8_t* index);  // 1, 2 bytes
    // dy goes to the winner's place in dx, 0 to the other three and to what no window covers; 1, 2, 4, 8 bytes.
    void (*max_backward[4])(const RowPairs& rows, const void* dy, const std::uint8_t* index, void* dx);
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
