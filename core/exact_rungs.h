// ExactRungs: which way the tiles of exact sums took (docs/accumulators.md, "How exact sums are formed").
#pragma once

#include <cstdint>

namespace taper {

// How many tiles of outputs, once for each block of their terms, were summed by each rung.  The result is the same on every one.
struct ExactRungs {
    std::uint64_t integers = 0;  // pairs of 16-bit integers, always exact
    std::uint64_t float32 = 0;   // float32, proved exact by the processor's inexact flag
    std::uint64_t float64 = 0;   // float64, proved the same way
    std::uint64_t slices = 0;    // float64 on slices of the operands, exact by their widths
    std::uint64_t scalar = 0;    // integers, term by term: operands that spread over too many slices, and formats beyond the reach of the others
};

// Of this process since its start or the last reset: of finished calls, the same for every number of threads.
ExactRungs exact_rungs();
void reset_exact_rungs();

}  // namespace taper
