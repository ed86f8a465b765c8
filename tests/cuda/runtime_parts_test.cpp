// The parts of the runtime that know no CUDA, against a device that runs what is enqueued as late as it may.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <taper/cuda/device_memory.h>
#include <taper/cuda/pieces.h>
#include <taper/cuda/staging.h>

#include "support/throws.h"

namespace taper::cuda {
namespace {

using tests::error_of;

constexpr std::size_t mebibyte = std::size_t{1} << 20;

// Memory of `free` bytes whose blocks are numbers.
struct FakeMemory {
    std::size_t free;
    std::uintptr_t last = 0;
    std::map<void*, std::size_t> blocks = {};
    int finished = 0;
    std::function<void()> make_room = [] {}, fail = [] {};

    DeviceMemory::Calls calls() {
        const auto allocate = [this](std::size_t bytes) -> void* {
            if (bytes > free) return nullptr;
            free -= bytes;
            void* const block = reinterpret_cast<void*>(++last);
            blocks[block] = bytes;
            return block;
        };
        const auto give_back = [this](void* block) {
            free += blocks.at(block);
            blocks.erase(block);
        };
        const auto finish = [this] {
            ++finished;
            fail();
        };
        return {allocate, give_back, finish, [this] { make_room(); }};
    }
};

TEST(DeviceMemory, SizesAreRoundedUp) {
    EXPECT_EQ(DeviceMemory::rounded(1), 512u);
    EXPECT_EQ(DeviceMemory::rounded(512), 512u);
    EXPECT_EQ(DeviceMemory::rounded(513), 1024u);
    EXPECT_EQ(DeviceMemory::rounded(mebibyte - 1), mebibyte);
    EXPECT_EQ(DeviceMemory::rounded(mebibyte), 2 * mebibyte);
    EXPECT_EQ(DeviceMemory::rounded(2 * mebibyte + 1), 4 * mebibyte);
}

TEST(DeviceMemory, WhatCanBeMadeAgainMakesRoom) {
    FakeMemory fake{.free = 10 * mebibyte};
    DeviceMemory memory("cuda", fake.calls());
    void* const kept = memory.allocate(8 * mebibyte);
    fake.make_room = [&] { memory.release(kept, 8 * mebibyte); };
    EXPECT_NE(memory.allocate(6 * mebibyte), nullptr);
    EXPECT_EQ(memory.in_use(), 6 * mebibyte);
}

TEST(DeviceMemory, ReleasedBlocksAreGivenOutAgainWithoutWaiting) {
    FakeMemory fake{.free = 100 * mebibyte};
    DeviceMemory memory("cuda", fake.calls());
    void* const block = memory.allocate(1000);
    EXPECT_EQ(memory.in_use(), 1024u);
    memory.release(block, 1000);
    EXPECT_EQ(memory.in_use(), 0u);
    EXPECT_EQ(memory.allocate(900), block);
    EXPECT_NE(memory.allocate(900), block);
    EXPECT_EQ(fake.blocks.size(), 2u);
    EXPECT_EQ(fake.finished, 0);
}

TEST(DeviceMemory, WhatIsKeptIsGivenBackBeforeThereIsNone) {
    FakeMemory fake{.free = 10 * mebibyte};
    DeviceMemory memory("cuda:1", fake.calls());
    void* const held = memory.allocate(2 * mebibyte);
    void* const first = memory.allocate(6 * mebibyte);
    memory.release(first, 6 * mebibyte);
    void* const second = memory.allocate(8 * mebibyte);
    EXPECT_EQ(fake.finished, 1) << "what uses the kept blocks is done first";
    EXPECT_EQ(error_of([&] { memory.allocate(mebibyte); }),
              "memory: cuda:1 has none left: cudaMalloc of 1048576 bytes, 10485760 in use (want smaller tensors)");
    EXPECT_EQ(error_of([&] { memory.allocate(std::size_t{1} << 60); }).find("memory: cuda:1 has none left: cudaMalloc of 1152921504606846976 bytes"), 0u);
    EXPECT_EQ(error_of([&] { memory.allocate(SIZE_MAX); }).find("memory: cuda:1 has none left"), 0u);
    EXPECT_EQ(memory.in_use(), 10 * mebibyte);
    memory.release(second, 8 * mebibyte);
    memory.release(memory.allocate(mebibyte), mebibyte);
    EXPECT_EQ(memory.in_use(), 2 * mebibyte);
    memory.release(held, 2 * mebibyte);
}

TEST(DeviceMemory, WhatAReleaseRanIntoIsThrownByTheNextCall) {
    FakeMemory fake{.free = 100 * mebibyte};
    DeviceMemory memory("cuda", fake.calls());
    void* const block = memory.allocate(10);
    memory.keep(false);
    fake.fail = [] { throw Error("lost"); };
    memory.release(block, 10);
    EXPECT_TRUE(fake.blocks.empty());
    EXPECT_EQ(error_of([&] { memory.allocate(10); }), "lost");
    fake.fail = [] {};
    memory.release(memory.allocate(10), 10);
}

TEST(DeviceMemory, WithoutACacheBlocksGoBackOnceTheyAreUnused) {
    FakeMemory fake{.free = 100 * mebibyte};
    DeviceMemory memory("cuda", fake.calls());
    memory.release(memory.allocate(10), 10);
    memory.keep(false);
    EXPECT_EQ(fake.finished, 1);
    EXPECT_TRUE(fake.blocks.empty());
    memory.release(memory.allocate(10), 10);
    EXPECT_EQ(fake.finished, 2);
    EXPECT_TRUE(fake.blocks.empty());
    memory.keep(true);
    memory.release(memory.allocate(10), 10);
    EXPECT_EQ(fake.blocks.size(), 1u);
    EXPECT_EQ(fake.finished, 2);
}

// A stream that runs nothing before it is waited for, and the pieces of a OneLaunch that are held back from it.
class LazyDevice {
  public:
    struct Nothing final : OneLaunch::Kept {};

    Pieces pieces{{[this] { log += "("; },
                   [this](OneLaunch::Kept&, std::size_t number) {
                       log += ")" + std::to_string(number);
                       if (fail_launch) throw Error("launch failed");
                       for (auto& work : held_) stream_.push_back(std::move(work));
                       enqueued_ += held_.size();
                       held_.clear();
                       staging.launched();
                   }}};
    Staging staging{{[this](std::size_t bytes) {
                         ++chunks;
                         memory_.emplace_back(bytes);
                         return memory_.back().data();
                     },
                     [this](int chunk) {
                         EXPECT_FALSE(pieces.held()) << "a mark would be a part of the piece";
                         marks_[chunk] = enqueued_;
                     },
                     [this](int chunk) {
                         if (marks_.count(chunk) != 0) run(marks_[chunk]);
                     },
                     [this] { return pieces.held(); }, [this] { pieces.launch(); }}};

    void enqueue(std::function<void()> work) {
        if (pieces.held()) {
            held_.push_back(std::move(work));
            return;
        }
        stream_.push_back(std::move(work));
        ++enqueued_;
    }
    void copy_in(const void* host, void* device, std::size_t bytes) {
        pieces.enqueue();
        staging.copy(host, bytes, [&](const void* staged, std::size_t offset, std::size_t part) {
            enqueue([=] { std::memcpy(static_cast<char*>(device) + offset, staged, part); });
        });
    }
    void synchronize() {
        pieces.launch();
        run(enqueued_);
    }

    std::string log;
    int chunks = 0;
    bool fail_launch = false;
    std::size_t done() const { return done_; }
    std::size_t waiting() const { return held_.size(); }

  private:
    void run(std::size_t until) {
        for (; done_ < until; ++done_) {
            stream_.front()();
            stream_.pop_front();
        }
    }
    std::deque<std::vector<std::byte>> memory_;
    std::map<int, std::size_t> marks_;
    std::deque<std::function<void()>> stream_;
    std::vector<std::function<void()>> held_;
    std::size_t enqueued_ = 0, done_ = 0;
};

std::vector<std::uint32_t> values_of(std::size_t n, std::uint32_t seed) {
    std::vector<std::uint32_t> values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = seed * 2654435761u + static_cast<std::uint32_t>(i);
    return values;
}

// Copies of many sizes, the host's bytes overwritten at once.
void copies(LazyDevice& device, std::vector<std::vector<std::uint32_t>>& to, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::size_t n = i % 7 == 6 ? 3 * Staging::chunk_bytes / 4 + 5 : 1 + i * 2003;
        std::vector<std::uint32_t> host = values_of(n, i);
        to.emplace_back(n);
        device.copy_in(host.data(), to.back().data(), n * sizeof(std::uint32_t));
        std::fill(host.begin(), host.end(), 0u);
    }
}

void expect_copied(const std::vector<std::vector<std::uint32_t>>& to) {
    for (std::uint32_t i = 0; i < to.size(); ++i) EXPECT_TRUE(to[i] == values_of(to[i].size(), i)) << "copy " << i;
}

TEST(Staging, AChunkIsUsedAgainOnlyWhenItsCopiesAreDone) {
    LazyDevice device;
    std::vector<std::vector<std::uint32_t>> to;
    copies(device, to, 60);
    EXPECT_GT(device.done(), 0u) << "more than the ring holds";
    EXPECT_EQ(device.chunks, Staging::chunks);
    device.synchronize();
    expect_copied(to);
}

TEST(Staging, FewBytesNeedOneChunkAndNoWaiting) {
    LazyDevice device;
    std::vector<std::uint32_t> to(1000);
    for (std::uint32_t i = 0; i < 1000; ++i) device.copy_in(&i, &to[i], sizeof(i));
    EXPECT_EQ(device.done(), 0u);
    EXPECT_EQ(device.chunks, 1);
    device.synchronize();
    for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(to[i], i);
    device.copy_in(nullptr, nullptr, 0);
}

TEST(Staging, APieceThatFillsTheRingIsLaunched) {
    LazyDevice device;
    LazyDevice::Nothing kept;
    std::vector<std::vector<std::uint32_t>> to;
    device.pieces.run(kept, [&] { copies(device, to, 10); });
    EXPECT_EQ(device.log, "()0");
    EXPECT_EQ(device.done(), 0u);
    device.log.clear();
    device.synchronize();
    to.clear();
    device.pieces.run(kept, [&] { copies(device, to, 60); });
    EXPECT_EQ(device.log.substr(0, 6), "()0()1");
    device.synchronize();
    expect_copied(to);
}

TEST(Pieces, AReadEndsAPiece) {
    LazyDevice device;
    LazyDevice::Nothing kept;
    int value = 0;
    const auto step = [&] {
        device.pieces.enqueue();
        device.enqueue([&] { value = 1; });
        device.pieces.enqueue();
        device.enqueue([&] { value *= 5; });
        EXPECT_EQ(device.waiting(), 2u);
        device.synchronize();
        EXPECT_EQ(value, 5);
        device.synchronize();
        device.pieces.enqueue();
        device.enqueue([&] { ++value; });
    };
    for (int i = 0; i < 2; ++i) {
        device.log.clear();
        device.pieces.run(kept, step);
        EXPECT_EQ(device.log, "()0()1") << "numbers start anew";
        EXPECT_FALSE(device.pieces.held());
        device.synchronize();
        EXPECT_EQ(value, 6);
    }
    device.log.clear();
    device.pieces.run(kept, [] {});
    device.pieces.enqueue();
    EXPECT_EQ(device.log, "") << "nothing was enqueued, or not within";
}

TEST(Pieces, OneWithinAnotherIsAPartOfIt) {
    LazyDevice device;
    LazyDevice::Nothing outer, inner;
    device.pieces.run(outer, [&] {
        device.pieces.enqueue();
        device.pieces.run(inner, [&] { device.pieces.enqueue(); });
        EXPECT_TRUE(device.pieces.held());
    });
    EXPECT_EQ(device.log, "()0");
}

TEST(Pieces, AnExceptionEndsThemAndIsTold) {
    LazyDevice device;
    LazyDevice::Nothing kept;
    int value = 0;
    const auto work = [&] {
        device.pieces.enqueue();
        device.enqueue([&] { ++value; });
        throw std::runtime_error("stop");
    };
    EXPECT_THROW(device.pieces.run(kept, work), std::runtime_error);
    EXPECT_EQ(device.log, "()0");
    device.synchronize();
    EXPECT_EQ(value, 1) << "as a plain call";
    device.fail_launch = true;
    EXPECT_THROW(device.pieces.run(kept, work), std::runtime_error) << "the first failure";
    EXPECT_EQ(error_of([&] { device.pieces.run(kept, [&] { device.pieces.enqueue(); }); }), "launch failed");
    device.fail_launch = false;
    device.log.clear();
    device.pieces.run(kept, [&] { device.pieces.enqueue(); });
    EXPECT_EQ(device.log, "()0") << "it goes on";
}

}  // namespace
}  // namespace taper::cuda
