#include <taper/cuda/runtime.h>

#include <taper/cuda/check.h>

namespace taper::cuda {

namespace {

constexpr int least_capability = 8;  // major

cudaStream_t stream_of(void* stream) { return static_cast<cudaStream_t>(stream); }

cudaMemPool_t pool_of(int index) {
    cudaMemPool_t pool;
    check(cudaDeviceGetDefaultMemPool(&pool, index), "cudaDeviceGetDefaultMemPool");
    return pool;
}

}  // namespace

int device_count() {
    int count = 0, capability = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) {
        (void)cudaGetLastError();
        return 0;
    }
    for (int i = 0; i < count; ++i) {
        if (cudaDeviceGetAttribute(&capability, cudaDevAttrComputeCapabilityMajor, i) != cudaSuccess || capability < least_capability) return i;
    }
    return count;
}

Runtime::Runtime(int index) : index_(index) {
    check(cudaSetDevice(index), "cudaSetDevice", index);
    check(cudaDeviceGetAttribute(&processors_, cudaDevAttrMultiProcessorCount, index), "cudaDeviceGetAttribute");
    cudaStream_t stream;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    stream_ = stream;
    keep(true);
    nan_count_ = static_cast<unsigned long long*>(allocate(sizeof(unsigned long long)));
    zero(nan_count_, sizeof(unsigned long long));
}

// At the end of the process the driver may be gone: what it held went with it.
Runtime::~Runtime() = default;

void Runtime::use() { check(cudaSetDevice(index_), "cudaSetDevice", index_); }

void Runtime::keep(bool on) {
    std::uint64_t threshold = on ? UINT64_MAX : 0;
    check(cudaMemPoolSetAttribute(pool_of(index_), cudaMemPoolAttrReleaseThreshold, &threshold), "cudaMemPoolSetAttribute");
    if (on) return;
    synchronize();
    check(cudaMemPoolTrimTo(pool_of(index_), 0), "cudaMemPoolTrimTo");
}

void* Runtime::allocate(std::size_t bytes) {
    use();
    void* block = nullptr;
    if (cudaMallocAsync(&block, bytes, stream_of(stream_)) == cudaSuccess) return block;
    (void)cudaGetLastError();
    synchronize();
    check(cudaMemPoolTrimTo(pool_of(index_), 0), "cudaMemPoolTrimTo");
    check(cudaMallocAsync(&block, bytes, stream_of(stream_)), "cudaMallocAsync: bytes on the device:", static_cast<std::int64_t>(bytes));
    return block;
}

void Runtime::release(void* block) noexcept { (void)cudaFreeAsync(block, stream_of(stream_)); }

void Runtime::copy_in(const void* host, void* device, std::size_t bytes) {
    use();
    check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream_of(stream_)), "cudaMemcpyAsync to the device", static_cast<std::int64_t>(bytes));
    cudaPointerAttributes attributes;  // pageable memory is staged before the call returns, pinned memory is read later
    if (cudaPointerGetAttributes(&attributes, host) == cudaSuccess && attributes.type == cudaMemoryTypeHost) synchronize();
}

void Runtime::copy_out(const void* device, void* host, std::size_t bytes) {
    use();
    check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream_of(stream_)), "cudaMemcpyAsync to the host", static_cast<std::int64_t>(bytes));
    synchronize();
}

void Runtime::copy(const void* from, void* to, std::size_t bytes) {
    use();
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_of(stream_)), "cudaMemcpyAsync on the device", static_cast<std::int64_t>(bytes));
}

void Runtime::zero(void* device, std::size_t bytes) {
    use();
    check(cudaMemsetAsync(device, 0, bytes, stream_of(stream_)), "cudaMemsetAsync", static_cast<std::int64_t>(bytes));
}

void Runtime::synchronize() { check(cudaStreamSynchronize(stream_of(stream_)), "cudaStreamSynchronize"); }

std::size_t Runtime::take_nan_count() {
    unsigned long long count = 0;
    copy_out(nan_count_, &count, sizeof(count));
    if (count != 0) zero(nan_count_, sizeof(count));
    return static_cast<std::size_t>(count);
}

}  // namespace taper::cuda
