// The device runtime on host memory: what lets the kernels of cuda/ be checked where there is no GPU.  What is enqueued runs as late as it may, when
// something waits for it, so that a wait which is missing shows.  Two devices, so that mixing them can be checked.
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <vector>

#include <taper/cuda/runtime.h>

#include "cuda/runtime_host.h"

namespace taper::cuda {

namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 36;  // of a block

// What is enqueued and has not run, and what a OneLaunch holds back from it.
class Stream {
  public:
    void enqueue(std::function<void()> work, bool held) {
        (held ? held_ : queue_).push_back(std::move(work));
        if (!held) ++enqueued_;
    }
    void launch() {
        for (auto& work : held_) enqueue(std::move(work), false);
        held_.clear();
    }
    void mark(int chunk) { marks_[chunk] = enqueued_; }
    void wait(int chunk) { run(marks_[chunk]); }
    void finish() { run(enqueued_); }

  private:
    void run(std::size_t until) {
        for (; done_ < until; ++done_) {
            queue_.front()();
            queue_.pop_front();
        }
    }
    std::deque<std::function<void()>> queue_, held_;
    std::size_t enqueued_ = 0, done_ = 0;
    std::map<int, std::size_t> marks_;  // of the chunks of Staging
};

Stream& stream_of(void* stream) { return *static_cast<Stream*>(stream); }

// Filled, so that codes which no kernel has written show.
void* filled_block(std::size_t bytes) {
    void* const block = bytes <= most_bytes ? std::aligned_alloc(64, bytes) : nullptr;
    return block == nullptr ? nullptr : std::memset(block, 0xab, bytes);
}

struct NothingKept final : OneLaunch::Kept {};

}  // namespace

HostCounts& host_counts() {
    static HostCounts counts;
    return counts;
}

int device_count() { return 2; }

Runtime::Runtime(int index)
    : index_(index), stream_(new Stream), memory_(Device::cuda(index).name(), memory_calls()), pieces_(piece_calls()), staging_(staging_calls()) {
    nan_count_ = static_cast<unsigned long long*>(allocate(sizeof(unsigned long long)));
    *nan_count_ = 0;
}
Runtime::~Runtime() { delete &stream_of(stream_); }

DeviceMemory::Calls Runtime::memory_calls() {
    return {filled_block, [](void* block) { std::free(block); }, [this] { synchronize(); }, [this] {
                if (make_room_) make_room_();
            }};
}
Staging::Calls Runtime::staging_calls() {
    return {[](std::size_t bytes) { return std::aligned_alloc(64, bytes); }, [this](int chunk) { stream_of(stream_).mark(chunk); },
            [this](int chunk) { stream_of(stream_).wait(chunk); }, [this] { return pieces_.held(); }, [this] { pieces_.launch(); }};
}
Pieces::Calls Runtime::piece_calls() {
    const auto launch = [this](OneLaunch::Kept&, std::size_t) {
        ++host_counts().pieces;
        stream_of(stream_).launch();
        staging_.launched();
    };
    return {[] {}, launch};
}

void* Runtime::allocate(std::size_t bytes) {
    const Turn lock = turn();
    return memory_.allocate(bytes);
}
void Runtime::keep(bool on) {
    const Turn lock = turn();
    memory_.keep(on);
}
void Runtime::use() {
    const Turn lock = turn();
    pieces_.enqueue();
    idle_ = false;
}
void Runtime::enqueue(std::function<void()> work) {
    const Turn lock = turn();
    use();
    stream_of(stream_).enqueue(std::move(work), pieces_.held());
}
void Runtime::copy_in(const void* host, void* device, std::size_t bytes) {
    const Turn lock = turn();
    use();
    staging_.copy(host, bytes, [&](const void* staged, std::size_t offset, std::size_t part) {
        void* const to = static_cast<char*>(device) + offset;
        stream_of(stream_).enqueue([=] { std::memcpy(to, staged, part); }, pieces_.held());
    });
}
void Runtime::copy_out(const void* device, void* host, std::size_t bytes) {
    const Turn lock = turn();
    synchronize();
    idle_ = true;
    if (bytes != 0) std::memcpy(host, device, bytes);
}
void Runtime::copy(const void* from, void* to, std::size_t bytes) {
    enqueue([=] { std::memcpy(to, from, bytes); });
}
void Runtime::zero(void* device, std::size_t bytes) {
    enqueue([=] { std::memset(device, 0, bytes); });
}
void Runtime::synchronize() {
    const Turn lock = turn();
    ++host_counts().reads;
    pieces_.launch();
    stream_of(stream_).finish();
}
std::size_t Runtime::take_nan_count() {
    const Turn lock = turn();
    if (!idle_) copy_out(nullptr, nullptr, 0);
    const std::size_t count = static_cast<std::size_t>(*nan_count_);
    *nan_count_ = 0;
    return count;
}
void Runtime::run_in_one_launch(std::unique_ptr<OneLaunch::Kept>& kept, const std::function<void()>& work) {
    if (kept == nullptr) {
        work();
        kept = std::make_unique<NothingKept>();
        return;
    }
    const Turn lock = turn();
    pieces_.run(*kept, work);
}

}  // namespace taper::cuda
