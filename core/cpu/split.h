// How work is cut into parts for threads; no result depends on the cut.
#pragma once

#include <algorithm>
#include <cstdint>

#include <omp.h>

namespace taper::cpu {

struct Range {
    std::int64_t begin, end;
    std::int64_t size() const { return end - begin; }
};

// Part `index` of `parts` of [0, size), cut at multiples of `unit`.
inline Range part(std::int64_t size, std::int64_t unit, std::int64_t index, std::int64_t parts) {
    const std::int64_t units = (size + unit - 1) / unit;
    return {std::min(size, units * index / parts * unit), std::min(size, units * (index + 1) / parts * unit)};
}

// Lines of each panel when `lines` > 0 lines are cut evenly into panels of at most `most`.
inline std::int64_t even_width(std::int64_t lines, std::int64_t most) {
    const std::int64_t panels = (lines + most - 1) / most;
    return (lines + panels - 1) / panels;
}

// Threads worth starting for this many multiply-adds; 1 within a parallel region.
inline std::int64_t threads_for(std::int64_t work) {
    constexpr std::int64_t work_of_a_thread = 200'000;
    return omp_in_parallel() ? 1 : std::clamp<std::int64_t>(work / work_of_a_thread, 1, omp_get_max_threads());
}

}  // namespace taper::cpu
