// The inner loops of reductions in float64, defined once per CPU level.
#pragma once

#include <cstddef>

namespace taper {

constexpr int sum_lanes = 8;

struct ReduceKernels {
    // lane[i mod 8] += x[i], and += (x[i] - mean)^2.
    void (*sum)(const double* x, std::size_t n, double* lane);
    void (*squares)(const double* x, double mean, std::size_t n, double* lane);
    // The same down the columns: lane[i] += x[i], and += (x[i] - mean[i])^2.
    void (*sum_columns)(const double* x, std::size_t n, double* lane);
    void (*squares_columns)(const double* x, const double* mean, std::size_t n, double* lane);
    // best[i] = the larger of best[i] and x[i]; NaN wins, the first of equals stays.
    void (*max_columns)(const double* x, std::size_t n, double* best);
};

namespace plain {
const ReduceKernels& reduce_kernels();
}
namespace avx2 {
const ReduceKernels& reduce_kernels();
}
namespace avx512 {
const ReduceKernels& reduce_kernels();
}

const ReduceKernels& reduce_kernels();  // of cpu_level()

}  // namespace taper
