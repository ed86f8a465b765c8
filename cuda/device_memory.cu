#include <taper/cuda/device_memory.h>

#include <cstdint>
#include <utility>

#include <taper/formats/error.h>

namespace taper::cuda {

namespace {

constexpr std::size_t address_space = std::size_t{1} << 47;

std::size_t to_multiple(std::size_t bytes, std::size_t of) { return (bytes + of - 1) / of * of; }

}  // namespace

DeviceMemory::DeviceMemory(std::string device, Calls calls) : device_(std::move(device)), calls_(std::move(calls)), cache_(0, SIZE_MAX, calls_.free) {}

std::size_t DeviceMemory::rounded(std::size_t bytes) {
    constexpr std::size_t small = std::size_t{1} << 20;
    return bytes < small ? to_multiple(bytes, 512) : to_multiple(bytes, 2 * small);
}

void* DeviceMemory::allocate(std::size_t bytes) {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    void* block = nullptr;
    if (bytes < address_space) {
        const std::size_t size = rounded(bytes);
        block = cache_.take(size);
        if (block == nullptr) block = calls_.allocate(size);
        if (block == nullptr) {
            calls_.make_room();
            calls_.finish();
            cache_.clear();
            block = calls_.allocate(size);
        }
        if (block != nullptr) in_use_ += size;
    }
    if (block == nullptr)
        throw Error("memory: " + device_ + " has none left: cudaMalloc of " + std::to_string(bytes) + " bytes, " + std::to_string(in_use_)
                    + " in use (want smaller tensors)");
    return block;
}

void DeviceMemory::release(void* block, std::size_t bytes) noexcept {
    const std::size_t size = rounded(bytes);
    in_use_ -= size;
    if (cache_.give(block, size)) return;
    try {
        calls_.finish();
    } catch (...) {
        failure_ = std::current_exception();
    }
    calls_.free(block);
}

void DeviceMemory::keep(bool on) {
    if (!on) calls_.finish();
    cache_.keep(on);
}

}  // namespace taper::cuda
