// The eight lanes of an ordered sum as vector registers of the CPU level: wider vectors than the level's would go through memory.
#pragma once

#include <cstddef>

#include <taper/core/cpu/reduce_kernels.h>
#include <taper/formats/host_device.h>

namespace taper::TAPER_LEVEL {
namespace {

#if defined(TAPER_LEVEL_avx512)
constexpr int register_lanes = 8;
#elif defined(TAPER_LEVEL_avx2)
constexpr int register_lanes = 4;
#else
constexpr int register_lanes = 2;
#endif
constexpr int lane_registers = sum_lanes / register_lanes;

typedef double Lanes __attribute__((vector_size(register_lanes * sizeof(double))));
// Lanes in an array.
typedef double Unaligned __attribute__((vector_size(register_lanes * sizeof(double)), aligned(alignof(double)), may_alias));
typedef float UnalignedFloats __attribute__((vector_size(register_lanes * sizeof(float)), aligned(alignof(float)), may_alias));

// By reference: returning a vector by value would differ between levels.
TAPER_FN void load(const double* x, Lanes& lanes) { lanes = *reinterpret_cast<const Unaligned*>(x); }
TAPER_FN void load(const float* x, Lanes& lanes) { lanes = __builtin_convertvector(*reinterpret_cast<const UnalignedFloats*>(x), Lanes); }

// vector(i, lanes...) adds the elements from i on to a register of each sum's lanes, scalar(i, lane...) element i to its lane of each.
template <class Vector, class Scalar>
TAPER_FN void add_in_lanes(std::size_t n, double* s, double* q, const Vector& vector, const Scalar& scalar) {
    Lanes sum[lane_registers], product[lane_registers];
#pragma GCC unroll 4
    for (int r = 0; r < lane_registers; ++r) {
        load(s + r * register_lanes, sum[r]);
        load(q + r * register_lanes, product[r]);
    }
    std::size_t i = 0;
    for (; i + sum_lanes <= n; i += sum_lanes) {
#pragma GCC unroll 4
        for (int r = 0; r < lane_registers; ++r) vector(i + static_cast<std::size_t>(r * register_lanes), sum[r], product[r]);
    }
#pragma GCC unroll 4
    for (int r = 0; r < lane_registers; ++r) {
        *reinterpret_cast<Unaligned*>(s + r * register_lanes) = sum[r];
        *reinterpret_cast<Unaligned*>(q + r * register_lanes) = product[r];
    }
    for (; i < n; ++i) scalar(i, s[i % sum_lanes], q[i % sum_lanes]);
}
template <class Vector, class Scalar>
TAPER_FN void add_in_lanes(std::size_t n, double* s, const Vector& vector, const Scalar& scalar) {
    Lanes sum[lane_registers];
#pragma GCC unroll 4
    for (int r = 0; r < lane_registers; ++r) load(s + r * register_lanes, sum[r]);
    std::size_t i = 0;
    for (; i + sum_lanes <= n; i += sum_lanes) {
#pragma GCC unroll 4
        for (int r = 0; r < lane_registers; ++r) vector(i + static_cast<std::size_t>(r * register_lanes), sum[r]);
    }
#pragma GCC unroll 4
    for (int r = 0; r < lane_registers; ++r) *reinterpret_cast<Unaligned*>(s + r * register_lanes) = sum[r];
    for (; i < n; ++i) scalar(i, s[i % sum_lanes]);
}

}  // namespace
}  // namespace taper::TAPER_LEVEL
