// Runtime: one GPU's memory and its one stream, which all kernels and copies of a device follow in order.
// Compiled without nvcc (tests/cuda), the same interface works on host memory, so that kernels can be checked where there is no GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace taper::cuda {

class Runtime {
  public:
    explicit Runtime(int index);  // of the device; throws Error if it does not answer
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    // Stream-ordered: a block that is released may be used again by what is enqueued later.  From the driver's pool, which keeps released
    // blocks while keep(true).  allocate() gives back what the pool keeps and tries once more before it throws Error, after which all goes on.
    void* allocate(std::size_t bytes);
    void release(void* block) noexcept;
    void keep(bool on);

    void copy_in(const void* host, void* device, std::size_t bytes);   // the host's bytes are taken before it returns
    void copy_out(const void* device, void* host, std::size_t bytes);  // waits
    void copy(const void* from, void* to, std::size_t bytes);          // within the device
    void zero(void* device, std::size_t bytes);
    void synchronize();

    // A counter that kernels add to: NaN without a code (element_io.h).
    unsigned long long* nan_count() { return nan_count_; }
    std::size_t take_nan_count();  // waits; starts again at 0

    int index() const { return index_; }
    int processors() const { return processors_; }  // streaming multiprocessors
    void* stream() { return stream_; }              // cudaStream_t
    void use();                                     // makes this the calling thread's device

  private:
    int index_, processors_ = 1;
    void* stream_ = nullptr;
    unsigned long long* nan_count_ = nullptr;
};

int device_count();  // 0 without a driver or a GPU of compute capability 8.0 or more

// Device memory for the length of one op.
template <class T>
class Buffer {
  public:
    Buffer(Runtime& runtime, std::int64_t count)
        : runtime_(&runtime), count_(count), data_(static_cast<T*>(runtime.allocate(static_cast<std::size_t>(count < 1 ? 1 : count) * sizeof(T)))) {}
    Buffer(Buffer&& other) noexcept : runtime_(other.runtime_), count_(other.count_), data_(other.data_) { other.data_ = nullptr; }
    Buffer& operator=(Buffer&&) = delete;
    ~Buffer() {
        if (data_ != nullptr) runtime_->release(data_);
    }
    T* data() const { return data_; }
    std::int64_t size() const { return count_; }

  private:
    Runtime* runtime_;
    std::int64_t count_;
    T* data_;
};

}  // namespace taper::cuda
