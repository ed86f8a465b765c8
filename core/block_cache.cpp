#include <taper/core/block_cache.h>

#include <new>
#include <utility>

namespace taper {

BlockCache::BlockCache(std::size_t smallest_kept, std::size_t most_kept, std::function<void(void*)> free)
    : smallest_kept_(smallest_kept), most_kept_(most_kept), free_block_(std::move(free)) {}

void* BlockCache::take(std::size_t bytes) {
    if (bytes < smallest_kept_) return nullptr;
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = kept_blocks_.find(bytes);
    if (found == kept_blocks_.end() || found->second.empty()) return nullptr;
    void* block = found->second.back();
    found->second.pop_back();
    kept_ -= bytes;
    return block;
}

bool BlockCache::give(void* block, std::size_t bytes) noexcept {
    if (bytes < smallest_kept_ || bytes > most_kept_) return false;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!on_) return false;
    if (kept_ > most_kept_ - bytes) clear_locked();  // the sizes have changed: those kept are no longer asked for
    try {
        kept_blocks_[bytes].push_back(block);
    } catch (const std::bad_alloc&) {
        return false;
    }
    kept_ += bytes;
    return true;
}

void BlockCache::keep(bool on) {
    const std::lock_guard<std::mutex> lock(mutex_);
    on_ = on;
    if (!on) clear_locked();
}

void BlockCache::clear() noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    clear_locked();
}

void BlockCache::clear_locked() noexcept {
    for (const auto& [bytes, blocks] : kept_blocks_) {
        for (void* block : blocks) free_block_(block);
    }
    kept_blocks_.clear();
    kept_ = 0;
}

}  // namespace taper
