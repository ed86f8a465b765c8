// Sums in float64 over fixed blocks of 4096 elements and 8 interleaved lanes, lanes then blocks added in order.
#pragma once

#include <vector>

#include <taper/core/backend.h>
#include <taper/core/cpu/reduce_kernels.h>

namespace taper {

constexpr std::int64_t sum_block = 4096;

inline double add_lanes(const double* lane) {
    double sum = lane[0];
    for (int i = 1; i < sum_lanes; ++i) sum += lane[i];
    return sum;
}

// The sum of an array in that order; n may exceed a block.
double ordered_sum(const double* x, std::int64_t n);

// For x seen as [outer, n, inner]: the sums over n, [outer, inner]; of squared deviations from `mean` where it is given.
std::vector<double> ordered_sums(const Tensor& x, const Backend::ReduceShape& shape, const double* mean = nullptr);

}  // namespace taper
