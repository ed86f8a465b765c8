// Freed blocks kept by size.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include <taper/core/block_cache.h>

namespace taper {
namespace {

// Blocks that are numbers, and those that were given back.
struct Cache {
    std::vector<std::uintptr_t> freed;
    BlockCache blocks{100, 1000, [this](void* block) { freed.push_back(reinterpret_cast<std::uintptr_t>(block)); }};
};

void* block(std::uintptr_t number) { return reinterpret_cast<void*>(number); }

TEST(BlockCache, KeepsBlocksByExactSize) {
    Cache cache;
    EXPECT_EQ(cache.blocks.take(200), nullptr);
    EXPECT_TRUE(cache.blocks.give(block(1), 200));
    EXPECT_TRUE(cache.blocks.give(block(2), 200));
    EXPECT_EQ(cache.blocks.take(201), nullptr);
    EXPECT_EQ(cache.blocks.take(200), block(2)) << "the last one first";
    EXPECT_EQ(cache.blocks.take(200), block(1));
    EXPECT_EQ(cache.blocks.take(200), nullptr);
    EXPECT_TRUE(cache.freed.empty());
}

TEST(BlockCache, LimitsAndClearing) {
    Cache cache;
    EXPECT_FALSE(cache.blocks.give(block(1), 99)) << "too small to be kept";
    EXPECT_FALSE(cache.blocks.give(block(1), 1001)) << "more than all that is kept";
    EXPECT_TRUE(cache.blocks.give(block(1), 600));
    EXPECT_TRUE(cache.blocks.give(block(2), 400));
    EXPECT_TRUE(cache.freed.empty());
    EXPECT_TRUE(cache.blocks.give(block(3), 100)) << "beyond the most kept";
    EXPECT_EQ(cache.freed.size(), 2u);
    EXPECT_EQ(cache.blocks.take(600), nullptr);
    cache.blocks.clear();
    EXPECT_EQ(cache.freed.size(), 3u);
    EXPECT_TRUE(cache.blocks.give(block(4), 100)) << "clearing does not turn it off";
    cache.blocks.keep(false);
    EXPECT_EQ(cache.freed.size(), 4u);
    EXPECT_FALSE(cache.blocks.give(block(5), 100));
    cache.blocks.keep(true);
    EXPECT_TRUE(cache.blocks.give(block(5), 100));
    EXPECT_EQ(cache.blocks.take(100), block(5));
}

}  // namespace
}  // namespace taper
