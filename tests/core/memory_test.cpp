// The library's own accounting of live bytes against a hook on the global operator new, and what the cache keeps.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

#include <taper/core/backend.h>
#include <taper/core/memory.h>
#include <taper/core/tensor.h>

#include "support/throws.h"

// The hook: bytes live in blocks of 64-byte alignment, which only tensors ask for.  The size lies in front of the block.
namespace {
std::atomic<std::int64_t> hook_live{0}, hook_blocks{0};
constexpr std::size_t front = 64;

void* hooked(std::size_t bytes, std::align_val_t alignment) noexcept {
    if (static_cast<std::size_t>(alignment) != 64) return std::aligned_alloc(static_cast<std::size_t>(alignment), (bytes + 4095) / 4096 * 4096);
    void* block = std::aligned_alloc(64, front + (bytes + 63) / 64 * 64);
    if (block == nullptr) return nullptr;
    *static_cast<std::size_t*>(block) = bytes;
    hook_live += static_cast<std::int64_t>(bytes);
    ++hook_blocks;
    return static_cast<char*>(block) + front;
}

void unhooked(void* block, std::align_val_t alignment) noexcept {
    if (block == nullptr) return;
    if (static_cast<std::size_t>(alignment) != 64) return std::free(block);
    void* whole = static_cast<char*>(block) - front;
    hook_live -= static_cast<std::int64_t>(*static_cast<std::size_t*>(whole));
    --hook_blocks;
    std::free(whole);
}
}  // namespace

void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept { return hooked(bytes, alignment); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    if (void* block = hooked(bytes, alignment)) return block;
    throw std::bad_alloc();
}
void operator delete(void* block, std::align_val_t alignment) noexcept { unhooked(block, alignment); }
void operator delete(void* block, std::size_t, std::align_val_t alignment) noexcept { unhooked(block, alignment); }
void operator delete(void* block, std::align_val_t alignment, const std::nothrow_t&) noexcept { unhooked(block, alignment); }

namespace taper {
namespace {

struct CacheOff {
    CacheOff() { set_memory_cache(false); }
    ~CacheOff() { set_memory_cache(true); }
};

void expect_hook_agrees(const char* where) { EXPECT_EQ(memory_statistics().live_total, hook_live.load()) << where; }

TEST(Memory, TheHookSeesWhatIsCounted) {
    const CacheOff off;
    expect_hook_agrees("nothing yet");
    EXPECT_EQ(memory_statistics().live_total, 0);
    {
        std::vector<Tensor> kept;
        std::int64_t requested = 0;
        for (const char* name : {"posit(8,2)", "posit(16,2)", "float32", "float64"}) {
            for (const std::int64_t n : {1, 7, 63, 64, 1000, 4096, 100003}) {
                kept.push_back(Tensor::zeros({n}, Format::parse(name)));
                requested += n * Format::parse(name).storage_bytes();
                EXPECT_EQ(memory_statistics().live_total, requested);
                expect_hook_agrees(name);
            }
        }
        Tensor shared = kept.back().reshape({-1, 1}), copy = kept.back();
        EXPECT_EQ(memory_statistics().live_total, requested) << "handles and reshape share";
        const Tensor other = kept.back().clone();
        expect_hook_agrees("clone");
        kept.back().to(Format::posit(8, 2));
        expect_hook_agrees("a conversion's result is gone");
        EXPECT_EQ(memory_statistics().live_total, requested + 100003 * 8);
        kept.clear();
        EXPECT_EQ(memory_statistics().live_total, 2 * 100003 * 8) << "shared, other";
        expect_hook_agrees("cleared");
    }
    EXPECT_EQ(memory_statistics().live_total, 0);
    EXPECT_EQ(hook_live.load(), 0);
    EXPECT_EQ(hook_blocks.load(), 0);
}

TEST(Memory, RolesAndPeaks) {
    reset_peak_memory();
    const std::int64_t before = memory_statistics().live_total;
    Tensor weight;
    {
        const RoleScope outer(Role::parameters);
        weight = Tensor::zeros({100}, Format::posit(8, 2));
        const RoleScope inner(Role::saved);
        const Tensor activation = Tensor::zeros({50});
        EXPECT_EQ(memory_statistics()[Role::saved], 200);
        std::thread([] {
            const Tensor other = Tensor::zeros({10});
            EXPECT_EQ(other.storage()->role(), Role::other) << "the scope is this thread's";
        }).join();
    }
    EXPECT_EQ(current_role(), Role::other);
    const MemoryStatistics now = memory_statistics();
    EXPECT_EQ(now[Role::parameters], 100);
    EXPECT_EQ(now[Role::saved], 0);
    EXPECT_EQ(now.peak[static_cast<int>(Role::saved)], 200);
    EXPECT_EQ(now.peak_total, before + 100 + 200 + 40);
    weight.set_role(Role::master);
    EXPECT_EQ(memory_statistics()[Role::parameters], 0);
    EXPECT_EQ(memory_statistics()[Role::master], 100);
    reset_peak_memory();
    EXPECT_EQ(memory_statistics().peak_total, memory_statistics().live_total);
    EXPECT_EQ(memory_statistics().peak[static_cast<int>(Role::saved)], 0);
    EXPECT_STREQ(name(Role::indices), "indices");
}

TEST(Memory, TheCacheReusesBlocksOfTheSameSize) {
    set_memory_cache(true);
    const void* block = nullptr;
    {
        const Tensor x = Tensor::empty({50000});
        block = x.data();
    }
    const std::int64_t blocks = hook_blocks.load();
    {
        const Tensor smaller = Tensor::empty({49999});
        EXPECT_NE(smaller.data(), block);
        const Tensor again = Tensor::empty({50000});
        EXPECT_EQ(again.data(), block);
        EXPECT_EQ(memory_statistics().live_total, 4 * (49999 + 50000)) << "what the cache keeps is not live";
    }
    EXPECT_EQ(hook_blocks.load(), blocks + 1);
    set_memory_cache(false);
    EXPECT_EQ(hook_live.load(), 0) << "off gives all back";
    {
        const Tensor x = Tensor::empty({50000});
    }
    EXPECT_EQ(hook_live.load(), 0);
    set_memory_cache(true);
}

TEST(Memory, TheCacheIsBounded) {
    set_memory_cache(true);
    for (std::int64_t i = 0; i < 40; ++i) Tensor::empty({(std::int64_t{64} << 20) + i}, Format::posit(8, 2));
    EXPECT_LE(hook_live.load(), std::int64_t{1} << 30);
    set_memory_cache(false);
    EXPECT_EQ(hook_live.load(), 0);
    set_memory_cache(true);
}

TEST(Memory, ThreadsShareTheCache) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([t] {
            for (int i = 0; i < 2000; ++i) {
                Tensor x = Tensor::empty({2000 + i % 5}), y = Tensor::empty({2000 + i % 3});
                static_cast<int*>(x.mutable_data())[0] = t;
                static_cast<int*>(y.mutable_data())[0] = t + 10;
                ASSERT_EQ(static_cast<const int*>(x.data())[0], t);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(memory_statistics().live_total, 0);
}

TEST(Memory, BlocksAreAligned) {
    for (const std::int64_t n : {1, 3, 65, 5000}) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(Tensor::empty({n}, Format::posit(8, 2)).data()) % 64, 0u);
    EXPECT_EQ(Tensor::empty({0}).data(), nullptr);
}

TEST(Memory, NoneLeftIsAnError) {
    EXPECT_EQ(tests::error_of([] { Tensor::empty({std::int64_t{1} << 60}); }),
              "memory: the cpu has none left: 4611686018427387904 bytes asked for, 0 in use (want smaller tensors)");
    EXPECT_EQ(memory_statistics().live_total, 0);
}

}  // namespace
}  // namespace taper
