// Tensors written element by element: several are formed before the first is written, so that enough reads are under way for the speed of memory also where
// each is of a byte.
#pragma once

#include <taper/cuda/element_io.h>

namespace taper::cuda {

// y[i] = value(i), rounded once, for i in [0, n).  Real: what value reads its operands as.
template <class Real, class Value>
void put_each(Runtime& runtime, std::int64_t n, const Result y, const Value value) {
    constexpr int at_once = sizeof(Real) == sizeof(float) ? 4 : 1;  // doubles are formed more slowly than memory gives them
    constexpr std::int64_t share = at_once * block_threads;  // of a block
    for_each(runtime, (n + share - 1) / share * block_threads, TAPER_BODY(std::int64_t thread) {
        const std::int64_t first = thread / block_threads * share + thread % block_threads;
        decltype(value(first)) v[at_once] = {};  // in registers: both loops are unrolled
        TAPER_UNROLL
        for (int u = 0; u < at_once; ++u)
            if (first + u * block_threads < n) v[u] = value(first + u * block_threads);
        TAPER_UNROLL
        for (int u = 0; u < at_once; ++u)
            if (first + u * block_threads < n) y.put(first + u * block_threads, v[u]);
    });
}

}  // namespace taper::cuda
