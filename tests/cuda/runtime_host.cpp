// The device runtime on host memory: what lets the kernels of cuda/ be checked where there is no GPU.
#include <cstdlib>
#include <cstring>

#include <taper/cuda/runtime.h>
#include <taper/formats/error.h>

namespace taper::cuda {

int device_count() { return 1; }

Runtime::Runtime(int index) : index_(index) {
    nan_count_ = static_cast<unsigned long long*>(allocate(sizeof(unsigned long long)));
    *nan_count_ = 0;
}
Runtime::~Runtime() { release(nan_count_); }

void* Runtime::allocate(std::size_t bytes) {
    void* const block = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (block == nullptr) throw Error("cuda: cudaMallocAsync: bytes on the device: of " + std::to_string(bytes) + " failed");
    return block;
}
void Runtime::release(void* block) noexcept { std::free(block); }
void Runtime::keep(bool) {}
void Runtime::copy_in(const void* host, void* device, std::size_t bytes) { std::memcpy(device, host, bytes); }
void Runtime::copy_out(const void* device, void* host, std::size_t bytes) { std::memcpy(host, device, bytes); }
void Runtime::copy(const void* from, void* to, std::size_t bytes) { std::memcpy(to, from, bytes); }
void Runtime::zero(void* device, std::size_t bytes) { std::memset(device, 0, bytes); }
void Runtime::synchronize() {}
void Runtime::use() {}
std::size_t Runtime::take_nan_count() {
    const std::size_t count = static_cast<std::size_t>(*nan_count_);
    *nan_count_ = 0;
    return count;
}

}  // namespace taper::cuda
