// BlockCache: freed blocks kept by size, since a training step asks for the sizes of the step before.  For backends; any thread may call it.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace taper {

class BlockCache {
  public:
    // Keeps blocks of at least smallest_kept bytes, most_kept bytes in all: a block beyond that gives back those before it.  `free` gives one back;
    // it does not throw.
    BlockCache(std::size_t smallest_kept, std::size_t most_kept, std::function<void(void*)> free);

    // A kept block of exactly `bytes` bytes, or null.
    void* take(std::size_t bytes);
    // True: the block is kept.  False: the caller frees it.
    bool give(void* block, std::size_t bytes) noexcept;
    void keep(bool on);  // false gives all back, and keeps none from now on
    void clear() noexcept;

  private:
    void clear_locked() noexcept;

    const std::size_t smallest_kept_, most_kept_;
    const std::function<void(void*)> free_block_;
    std::mutex mutex_;
    std::unordered_map<std::size_t, std::vector<void*>> kept_blocks_;
    std::size_t kept_ = 0;
    bool on_ = true;
};

}  // namespace taper
