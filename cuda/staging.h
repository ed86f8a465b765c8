// Staging: pinned host memory through which copies to the device pass, so that they need not wait.  A ring of chunks: one is used again once the
// copies out of it are done.  It knows no CUDA: tests/cuda checks it on the host.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <vector>

namespace taper::cuda {

class Staging {
  public:
    static constexpr int chunks = 8;
    static constexpr std::size_t chunk_bytes = std::size_t{4} << 20;

    struct Calls {
        std::function<void*(std::size_t bytes)> allocate;  // pinned memory, which lasts as long as the process; throws Error
        std::function<void(int chunk)> mark;               // remembers, for this chunk, all that is enqueued
        std::function<void(int chunk)> wait;               // until what the chunk's last mark remembers is done; at once before any
        std::function<bool()> held;                        // whether what is enqueued is held back until a launch (pieces.h)
        std::function<void()> launch;                      // launches what is held back, and calls launched()
    };
    explicit Staging(Calls calls);

    // Takes the host's bytes before it returns.  enqueue(staged, offset, bytes) enqueues the copy of a part, from `staged` to `offset` bytes into the
    // destination; there are several of more than chunk_bytes bytes.
    using Enqueue = std::function<void(const void* staged, std::size_t offset, std::size_t bytes)>;
    void copy(const void* host, std::size_t bytes, const Enqueue& enqueue);

    void launched();  // what was held back has been launched

  private:
    std::byte* room(std::size_t bytes);
    void next_chunk();

    Calls calls_;
    std::array<std::byte*, chunks> memory_{};
    int current_ = 0;
    std::size_t used_ = 0;   // bytes of the current chunk
    std::vector<int> full_;  // chunks whose copies are held back still: they have no mark yet
};

}  // namespace taper::cuda
