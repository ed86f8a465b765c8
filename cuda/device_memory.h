// DeviceMemory: blocks of one device's memory.  Freed ones are kept and given out again at once: with one stream a device, what is enqueued later
// runs later.  It knows no CUDA: tests/cuda checks it on the host.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <string>

#include <taper/core/block_cache.h>

namespace taper::cuda {

class DeviceMemory {
  public:
    struct Calls {
        std::function<void*(std::size_t bytes)> allocate;  // null where there is none left; throws Error for another failure
        std::function<void(void* block)> free;             // of a block that nothing enqueued uses; does not throw
        std::function<void()> finish;                      // waits for all that is enqueued
        std::function<void()> make_room;                   // releases blocks that can be made again
    };
    DeviceMemory(std::string device, Calls calls);

    // Where none is left, all that is kept is given back and the call tried once more; then it throws Error, after which all goes on.  Throws also what a
    // release ran into before.
    void* allocate(std::size_t bytes);
    void release(void* block, std::size_t bytes) noexcept;  // bytes as they were asked for
    void keep(bool on);                                     // false gives back what is kept, now and from now on
    std::size_t in_use() const { return in_use_; }          // bytes of blocks that are out, rounded up

    // Sizes are rounded up, to 512 bytes below 1 MiB and to 2 MiB from there on, so that a block fits more requests.
    static std::size_t rounded(std::size_t bytes);

  private:
    std::string device_;
    Calls calls_;
    BlockCache cache_;
    std::atomic<std::size_t> in_use_{0};
    std::exception_ptr failure_;  // of a release, which cannot throw
};

}  // namespace taper::cuda
