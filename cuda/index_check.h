// Indices that kernels read are checked before they are used: where nothing is known of them, the first bad one is brought back to the host, which throws.
#pragma once

#include <taper/core/tensor.h>
#include <taper/cuda/launch.h>

namespace taper::cuda {

// The smallest i in [0, n) for which bad(i), or n.  Waits for the device.
template <class Bad>
void mark_first_bad(Runtime& runtime, std::int64_t n, const Bad bad, unsigned long long* first) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        if (!bad(i)) return;
#if defined(__CUDA_ARCH__)
        atomicMin(first, static_cast<unsigned long long>(i));
#else
        if (static_cast<unsigned long long>(i) < *first) *first = static_cast<unsigned long long>(i);
#endif
    });
}

template <class Bad>
std::int64_t first_bad(Runtime& runtime, std::int64_t n, const Bad& bad) {
    const Buffer<unsigned long long> first(runtime, 1);
    unsigned long long found = static_cast<unsigned long long>(n);
    runtime.copy_in(&found, first.data(), sizeof(found));
    mark_first_bad(runtime, n, bad, first.data());
    runtime.copy_out(first.data(), &found, sizeof(found));
    return static_cast<std::int64_t>(found);
}

struct OutOfRange {
    const std::int32_t* index;
    std::int64_t n;
    TAPER_FN bool operator()(std::int64_t i) const { return index[i] < 0 || index[i] >= n; }
};

// Whether they are known to lie in [0, n).
inline bool known_within(const Tensor& index, std::int64_t n) {
    const IndexRange* const range = std::get_if<IndexRange>(&index.storage()->known());
    return range != nullptr && range->least >= 0 && range->most < n;
}

inline std::int32_t index_at(Runtime& runtime, const std::int32_t* index, std::int64_t i) {
    std::int32_t value = 0;
    runtime.copy_out(index + i, &value, sizeof(value));
    return value;
}

}  // namespace taper::cuda
