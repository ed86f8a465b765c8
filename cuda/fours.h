// Arrays to arrays, element by element, by fours: enough bytes under way for the speed of memory, also where an element has one.
#pragma once

#include <taper/cuda/launch.h>

namespace taper::cuda {

constexpr std::int64_t width = 4, in_flight = 4;  // elements of an access, accesses that a thread has under way

template <class T>
struct alignas(width * sizeof(T)) Four {
    T element[width];
};

template <class T>
bool aligned(const T* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer) % alignof(Four<T>) == 0;
}

// to = each(from) for the fours first, first + apart, ... below `end`, in_flight of them.
template <class From, class To, class Each>
TAPER_FN void convert_fours(std::int64_t first, std::int64_t apart, std::int64_t end, const From* from, To* to, const Each& each) {
    Four<From> x[in_flight] = {};  // in registers: both loops are unrolled
    TAPER_UNROLL
    for (int u = 0; u < in_flight; ++u)
        if (first + u * apart < end) x[u] = reinterpret_cast<const Four<From>*>(from)[first + u * apart];
    TAPER_UNROLL
    for (int u = 0; u < in_flight; ++u) {
        if (first + u * apart >= end) continue;
        Four<To> y;
        TAPER_UNROLL
        for (int j = 0; j < width; ++j) y.element[j] = each(x[u].element[j]);
        reinterpret_cast<Four<To>*>(to)[first + u * apart] = y;
    }
}

template <class From, class To, class Each>
void convert_by_fours(Runtime& runtime, std::int64_t n, const From* from, To* to, const Each each) {
    constexpr std::int64_t share = in_flight * block_threads;  // fours of a block at a time
    const std::int64_t fours = n / width, threads = std::max<std::int64_t>((fours + share - 1) / share, 1) * block_threads;
    for_each(runtime, threads, TAPER_BODY(std::int64_t i) {
        convert_fours(i / block_threads * share + i % block_threads, block_threads, fours, from, to, each);
        if (i < n % width) to[fours * width + i] = each(from[fours * width + i]);
    });
}

template <class From, class To, class Each>
void convert_one_by_one(Runtime& runtime, std::int64_t n, const From* from, To* to, const Each each) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { to[i] = each(from[i]); });
}

// to[i] = each(from[i]) for i in [0, n).
template <class From, class To, class Each>
void convert_array(Runtime& runtime, std::int64_t n, const From* from, To* to, const Each& each) {
    if (aligned(from) && aligned(to))
        convert_by_fours(runtime, n, from, to, each);
    else
        convert_one_by_one(runtime, n, from, to, each);
}

}  // namespace taper::cuda
