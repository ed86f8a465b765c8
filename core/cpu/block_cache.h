// BlockCache: freed blocks kept by size, so that a training step does not fault in fresh pages for the sizes it used before.
#pragma once

#include <cstddef>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace taper {

class BlockCache {
  public:
    // A kept block of exactly `bytes` bytes, or null.
    void* take(std::size_t bytes);
    // True: the block is kept.  False: the caller frees it.
    bool give(void* block, std::size_t bytes) noexcept;
    void keep(bool on);
    void clear() noexcept;

  private:
    void clear_locked() noexcept;
    std::mutex mutex_;
    std::unordered_map<std::size_t, std::vector<void*>> free_;
    std::size_t kept_ = 0;
    bool on_ = true;
};

}  // namespace taper
