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

CpuBackend::CpuBackend() : cache_(smallest_kept, most_kept, [](void* block) { ::operator delete(block, alignment); }) {}

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
