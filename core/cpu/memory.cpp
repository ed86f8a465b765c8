// Blocks of host memory: from ::operator new, kept for reuse once freed.
#include <cstring>
#include <new>
#include <string>

#include <taper/core/cpu/backend.h>
#include <taper/formats/error.h>

namespace taper {
namespace {

constexpr std::align_val_t alignment{64};
constexpr std::size_t smallest_kept = 4096;          // below, the heap is as fast
constexpr std::size_t most_kept = std::size_t{1} << 30;  // bytes in all
constexpr std::size_t address_space = std::size_t{1} << 47;

}  // namespace

void* BlockCache::take(std::size_t bytes) {
    if (bytes < smallest_kept) return nullptr;
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = free_.find(bytes);
    if (found == free_.end() || found->second.empty()) return nullptr;
    void* block = found->second.back();
    found->second.pop_back();
    kept_ -= bytes;
    return block;
}

bool BlockCache::give(void* block, std::size_t bytes) noexcept {
    if (bytes < smallest_kept || bytes > most_kept) return false;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!on_) return false;
    if (kept_ + bytes > most_kept) clear_locked();  // the sizes have changed: those kept are no longer asked for
    try {
        free_[bytes].push_back(block);
    } catch (const std::bad_alloc&) {
        return false;
    }
    kept_ += bytes;
    return true;
}

void BlockCache::keep(bool on) {
    const std::lock_guard<std::mutex> lock(mutex_);
    on_ = on;
    if (!on) clear_locked();
}

void BlockCache::clear() noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    clear_locked();
}

void BlockCache::clear_locked() noexcept {
    for (const auto& [bytes, blocks] : free_) {
        for (void* block : blocks) ::operator delete(block, alignment);
    }
    free_.clear();
    kept_ = 0;
}

void* CpuBackend::allocate(std::size_t bytes) {
    if (bytes == 0) return nullptr;
    if (void* block = cache_.take(bytes)) return block;
    for (int attempt = 0; attempt < 2 && bytes < address_space; ++attempt) {
        if (void* block = ::operator new(bytes, alignment, std::nothrow)) return block;
        cache_.clear();
    }
    throw Error("memory: the cpu has none left: " + std::to_string(bytes) + " bytes asked for, " + std::to_string(memory_statistics().live_total) +
                " in use (want smaller tensors)");
}

void CpuBackend::release(void* block, std::size_t bytes) noexcept {
    if (block != nullptr && !cache_.give(block, bytes)) ::operator delete(block, alignment);
}

void CpuBackend::copy_in(const void* host, void* device, std::size_t bytes) {
    if (bytes != 0) std::memcpy(device, host, bytes);
}

void CpuBackend::copy_out(const void* device, void* host, std::size_t bytes) {
    if (bytes != 0) std::memcpy(host, device, bytes);
}

// Never destroyed: tensors with static storage are freed after it would be.
Backend* cpu_backend() {
    static CpuBackend* const instance = new CpuBackend;
    return instance;
}

}  // namespace taper
