// Loops over arrays in fixed chunks, on several threads where the array is long enough to pay for them.
#pragma once

#include <algorithm>
#include <cstdint>

namespace taper {

constexpr std::int64_t parallel_from = 32768;  // elements; below, one thread is faster

// body(begin, end) for the chunks [0, chunk), [chunk, 2 chunk), ... of [0, n), each item of so many elements; body must not throw.
template <class Body>
void for_chunks(std::int64_t n, std::int64_t chunk, const Body& body, std::int64_t elements = 1) {
    const std::int64_t chunks = (n + chunk - 1) / chunk;
#pragma omp parallel for schedule(static) if (n * elements >= parallel_from)
    for (std::int64_t i = 0; i < chunks; ++i) body(i * chunk, std::min(n, (i + 1) * chunk));
}

// Address of element `index` of an array of codes of `width` bytes.
inline const void* at(const void* codes, std::int64_t index, int width) { return static_cast<const unsigned char*>(codes) + index * width; }
inline void* at(void* codes, std::int64_t index, int width) { return static_cast<unsigned char*>(codes) + index * width; }

}  // namespace taper
