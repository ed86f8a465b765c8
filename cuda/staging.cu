#include <taper/cuda/staging.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace taper::cuda {

Staging::Staging(Calls calls) : calls_(std::move(calls)) {}

void Staging::copy(const void* host, std::size_t bytes, const Enqueue& enqueue) {
    for (std::size_t offset = 0; offset < bytes;) {
        const std::size_t part = std::min(bytes - offset, chunk_bytes);
        std::byte* const staged = room(part);
        std::memcpy(staged, static_cast<const std::byte*>(host) + offset, part);
        enqueue(staged, offset, part);
        offset += part;
    }
}

std::byte* Staging::room(std::size_t bytes) {
    constexpr std::size_t alignment = 64;
    if (bytes > chunk_bytes - used_) next_chunk();
    std::byte*& memory = memory_[static_cast<std::size_t>(current_)];
    if (memory == nullptr) memory = static_cast<std::byte*>(calls_.allocate(chunk_bytes));
    std::byte* const result = memory + used_;
    used_ = std::min(chunk_bytes, (used_ + bytes + alignment - 1) / alignment * alignment);
    return result;
}

void Staging::next_chunk() {
    full_.push_back(current_);
    if (!calls_.held()) launched();
    const int next = (current_ + 1) % chunks;
    if (std::find(full_.begin(), full_.end(), next) != full_.end()) calls_.launch();
    calls_.wait(next);
    current_ = next;
    used_ = 0;
}

void Staging::launched() {
    for (const int chunk : full_) calls_.mark(chunk);
    full_.clear();
}

}  // namespace taper::cuda
