// Runtime: one GPU's memory and its one stream, which all kernels and copies of a device follow in order.  Any thread may call it.
// Compiled without nvcc (tests/cuda), the same interface works on host memory, so that kernels can be checked where there is no GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <taper/core/memory.h>
#include <taper/core/one_launch.h>
#include <taper/cuda/device_memory.h>
#include <taper/cuda/pieces.h>
#include <taper/cuda/staging.h>

namespace taper::cuda {

class Runtime {
  public:
    explicit Runtime(int index);  // of the device; throws Error if it does not answer
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    // Whoever enqueues takes a turn, from before use() until it is enqueued; a OneLaunch takes one for as long as its work runs.  A lock that is held
    // when a turn is taken must never be waited for within one.
    using Turn = std::unique_lock<std::recursive_mutex>;
    Turn turn() { return Turn(mutex_); }
    void use();  // makes this the calling thread's device; before each call that enqueues
#if !defined(__CUDACC__)
    void enqueue(std::function<void()> work);  // as a kernel is: it runs when something waits for it, after what was enqueued before
#endif

    // Stream-ordered (device_memory.h): a block that is released may be used again by what is enqueued later.
    void* allocate(std::size_t bytes);
    void release(void* block, std::size_t bytes) noexcept { memory_.release(block, bytes); }
    void keep(bool on);
    void set_make_room(std::function<void()> make_room) { make_room_ = std::move(make_room); }  // called where memory is short

    void copy_in(const void* host, void* device, std::size_t bytes);   // the host's bytes are taken before it returns; it does not wait for the device
    void copy_out(const void* device, void* host, std::size_t bytes);  // waits
    void copy(const void* from, void* to, std::size_t bytes);          // within the device
    void zero(void* device, std::size_t bytes);
    void synchronize();

    // A counter that kernels add to: NaN without a code (element_io.h).
    unsigned long long* nan_count() { return nan_count_; }
    std::size_t take_nan_count();  // starts again at 0; waits, but right after a read, which brings it along

    // OneLaunch's call (core/one_launch.h), by stream capture: each piece becomes a graph, which updates the one of the call before, and is launched.
    // TAPER_CUDA_GRAPHS=0 in the environment: a plain call.
    void run_in_one_launch(std::unique_ptr<OneLaunch::Kept>& kept, const std::function<void()>& work);

    int index() const { return index_; }
    int processors() const { return processors_; }  // streaming multiprocessors
    void* stream() { return stream_; }              // cudaStream_t; tests/cuda has a queue

  private:
    DeviceMemory::Calls memory_calls();
    Staging::Calls staging_calls();
    Pieces::Calls piece_calls();

    int index_, processors_ = 1;
    std::recursive_mutex mutex_;
    std::function<void()> make_room_;
    void* stream_ = nullptr;
    DeviceMemory memory_;
    Pieces pieces_;
    Staging staging_;
    void* read_ = nullptr;  // pinned, for small reads
    unsigned long long* nan_count_ = nullptr;
    unsigned long long* read_nan_count_ = nullptr;  // pinned: as the last read found it
    bool idle_ = false;                             // nothing has been enqueued since then
};

int device_count();  // 0 without a driver or a GPU of compute capability 8.0 or more

// Device memory for the length of one op; counted under Role::decoded.
template <class T>
class Buffer {
  public:
    Buffer(Runtime& runtime, std::int64_t count)
        : runtime_(&runtime),
          count_(count),
          bytes_(static_cast<std::size_t>(count < 1 ? 1 : count) * sizeof(T)),
          data_(static_cast<T*>(runtime.allocate(bytes_))) {
        count_memory(Role::decoded, static_cast<std::int64_t>(bytes_));
    }
    Buffer(Buffer&& other) noexcept : runtime_(other.runtime_), count_(other.count_), bytes_(other.bytes_), data_(other.data_) { other.data_ = nullptr; }
    Buffer& operator=(Buffer&&) = delete;
    ~Buffer() {
        if (data_ == nullptr) return;
        runtime_->release(data_, bytes_);
        count_memory(Role::decoded, -static_cast<std::int64_t>(bytes_));
    }
    T* data() const { return data_; }
    std::int64_t size() const { return count_; }

  private:
    Runtime* runtime_;
    std::int64_t count_;
    std::size_t bytes_;
    T* data_;
};

}  // namespace taper::cuda
