// Memory that a thread keeps for the panels and images of its sums of products, so that a call allocates nothing.
#pragma once

#include <cstdint>

namespace taper::cpu {

enum class Scratch : std::uint8_t { left, right, image, errors, decoded, sums, row, offsets, weights, partial };
constexpr int scratch_count = 10;

// At least `bytes` bytes, 64-byte aligned, of unspecified content; valid until this thread asks for more of the same kind.
void* thread_scratch(Scratch kind, std::int64_t bytes);

template <class T>
T* thread_scratch(Scratch kind, std::int64_t count) {
    return static_cast<T*>(thread_scratch(kind, count * static_cast<std::int64_t>(sizeof(T))));
}

}  // namespace taper::cpu
