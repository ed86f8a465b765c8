// Reduction loops, compiled once per CPU level.
#include <taper/core/cpu/reduce_kernels.h>

namespace taper::TAPER_LEVEL {
namespace {

typedef double Lanes __attribute__((vector_size(sum_lanes * sizeof(double)), aligned(alignof(double))));

void sum(const double* x, std::size_t n, double* lane) {
    Lanes s = *reinterpret_cast<const Lanes*>(lane);
    std::size_t i = 0;
    for (; i + sum_lanes <= n; i += sum_lanes) s += *reinterpret_cast<const Lanes*>(x + i);
    *reinterpret_cast<Lanes*>(lane) = s;
    for (; i < n; ++i) lane[i % sum_lanes] += x[i];
}

void squares(const double* x, double mean, std::size_t n, double* lane) {
    Lanes s = *reinterpret_cast<const Lanes*>(lane);
    std::size_t i = 0;
    for (; i + sum_lanes <= n; i += sum_lanes) {
        const Lanes d = *reinterpret_cast<const Lanes*>(x + i) - mean;
        s += d * d;
    }
    *reinterpret_cast<Lanes*>(lane) = s;
    for (; i < n; ++i) {
        const double d = x[i] - mean;
        lane[i % sum_lanes] += d * d;
    }
}

void sum_columns(const double* __restrict x, std::size_t n, double* __restrict lane) {
    for (std::size_t i = 0; i < n; ++i) lane[i] += x[i];
}

void squares_columns(const double* __restrict x, const double* __restrict mean, std::size_t n, double* __restrict lane) {
    for (std::size_t i = 0; i < n; ++i) {
        const double d = x[i] - mean[i];
        lane[i] += d * d;
    }
}

void max_columns(const double* __restrict x, std::size_t n, double* __restrict best) {
    for (std::size_t i = 0; i < n; ++i) {
        const double b = best[i], v = x[i];
        best[i] = !(v <= b) & (b == b) ? v : b;
    }
}

constexpr ReduceKernels kernels = {sum, squares, sum_columns, squares_columns, max_columns};

}  // namespace

const ReduceKernels& reduce_kernels() { return kernels; }

}  // namespace taper::TAPER_LEVEL
