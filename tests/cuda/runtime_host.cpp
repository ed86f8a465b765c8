// The device runtime on host memory: what lets the kernels of cuda/ be checked where there is no GPU.  Two devices, so that mixing them can be.
#include <cstdlib>
#include <cstring>

#include <taper/cuda/runtime.h>

namespace taper::cuda {

namespace {

constexpr std::size_t device_bytes = std::size_t{1} << 36;  // of the largest block

struct NothingKept final : OneLaunch::Kept {};

}  // namespace

int device_count() { return 2; }

Runtime::Runtime(int index) : index_(index), memory_(Device::cuda(index).name(), memory_calls()), pieces_(piece_calls()), staging_(staging_calls()) {
    nan_count_ = static_cast<unsigned long long*>(allocate(sizeof(unsigned long long)));
    *nan_count_ = 0;
}
Runtime::~Runtime() = default;

DeviceMemory::Calls Runtime::memory_calls() {
    return {[](std::size_t bytes) { return bytes <= device_bytes ? std::aligned_alloc(64, bytes) : nullptr; }, [](void* block) { std::free(block); }, [] {}};
}
Staging::Calls Runtime::staging_calls() {
    return {[](std::size_t bytes) { return std::aligned_alloc(64, bytes); }, [](int) {}, [](int) {}, [this] { return pieces_.held(); },
            [this] { pieces_.launch(); }};
}
Pieces::Calls Runtime::piece_calls() {
    return {[] {}, [this](OneLaunch::Kept&, std::size_t) { staging_.launched(); }};
}

void* Runtime::allocate(std::size_t bytes) {
    const Turn lock = turn();
    return memory_.allocate(bytes);
}
void Runtime::keep(bool on) { memory_.keep(on); }
void Runtime::use() {
    const Turn lock = turn();
    pieces_.enqueue();
}
void Runtime::copy_in(const void* host, void* device, std::size_t bytes) {
    const Turn lock = turn();
    use();
    staging_.copy(host, bytes,
                  [&](const void* staged, std::size_t offset, std::size_t part) { std::memcpy(static_cast<char*>(device) + offset, staged, part); });
}
void Runtime::copy_out(const void* device, void* host, std::size_t bytes) {
    synchronize();
    if (bytes != 0) std::memcpy(host, device, bytes);
}
void Runtime::copy(const void* from, void* to, std::size_t bytes) {
    use();
    std::memcpy(to, from, bytes);
}
void Runtime::zero(void* device, std::size_t bytes) {
    use();
    std::memset(device, 0, bytes);
}
void Runtime::synchronize() {
    const Turn lock = turn();
    pieces_.launch();
}
std::size_t Runtime::take_nan_count() {
    synchronize();
    const std::size_t count = static_cast<std::size_t>(*nan_count_);
    *nan_count_ = 0;
    return count;
}
void Runtime::run_in_one_launch(std::unique_ptr<OneLaunch::Kept>& kept, const std::function<void()>& work) {
    if (kept == nullptr) {
        work();
        kept = std::make_unique<NothingKept>();
        return;
    }
    const Turn lock = turn();
    pieces_.run(*kept, work);
}

}  // namespace taper::cuda
