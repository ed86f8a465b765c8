// Reduction loops, compiled once per CPU level.
#include <taper/core/cpu/lane_registers.h>

namespace taper::TAPER_LEVEL {
namespace {

void sum(const double* x, std::size_t n, double* lane) {
    const auto vector = [&](std::size_t i, Lanes& s) {
        Lanes value;
        load(x + i, value);
        s += value;
    };
    add_in_lanes(n, lane, vector, [&](std::size_t i, double& s) { s += x[i]; });
}

template <class V>
TAPER_FN void add_square(const V& x, double mean, V& s) {
    const V d = x - mean;
    s += d * d;
}

void squares(const double* x, double mean, std::size_t n, double* lane) {
    const auto vector = [&](std::size_t i, Lanes& s) {
        Lanes value;
        load(x + i, value);
        add_square(value, mean, s);
    };
    add_in_lanes(n, lane, vector, [&](std::size_t i, double& s) { add_square(x[i], mean, s); });
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
