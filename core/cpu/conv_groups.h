// The groups of a convolution one after the other, or on several threads where there are enough of them.
#pragma once

#include <cstddef>

#include <taper/core/conv_sizes.h>
#include <taper/core/cpu/split.h>

namespace taper::cpu {

// Sum of f(sizes) over the groups, `sizes.group` being the one that f computes; f must not throw.
// Where f is to start threads itself no parallel region may be around it, not even one of a single thread: OpenMP would make new threads.
template <class F>
std::size_t for_groups(const ConvSizes& sizes, const F& f) {
    const std::int64_t threads = threads_for(sizes.n * sizes.groups * sizes.weights_of_group() * sizes.p * sizes.q);
    const auto group = [&](std::int64_t g) {
        ConvSizes group = sizes;
        group.group = g;
        return f(group);
    };
    std::size_t sum = 0;
    if (threads == 1 || sizes.groups < threads) {
        for (std::int64_t g = 0; g < sizes.groups; ++g) sum += group(g);
        return sum;
    }
#pragma omp parallel for schedule(static) reduction(+ : sum) num_threads(static_cast <int>(threads))
    for (std::int64_t g = 0; g < sizes.groups; ++g) sum += group(g);
    return sum;
}

}  // namespace taper::cpu
