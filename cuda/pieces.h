// Pieces: the work of a OneLaunch, of which what it enqueues is held back and launched piece by piece; a read ends a piece.  It knows no CUDA:
// tests/cuda checks it on the host.  One thread at a time (Runtime::turn).
#pragma once

#include <cstddef>
#include <functional>

#include <taper/core/one_launch.h>

namespace taper::cuda {

class Pieces {
  public:
    struct Calls {
        std::function<void()> hold;                                        // holds back what is enqueued from now on
        std::function<void(OneLaunch::Kept&, std::size_t number)> launch;  // ends that and launches it, piece `number` of the work
    };
    explicit Pieces(Calls calls);

    // Runs work and launches what is left at its end, also where work throws.  Within another's work: a plain call.
    void run(OneLaunch::Kept& kept, const std::function<void()>& work);
    void enqueue();  // before something is enqueued: begins a piece within run()
    void launch();   // before a read: launches what is held back
    bool held() const { return held_; }

  private:
    Calls calls_;
    OneLaunch::Kept* kept_ = nullptr;  // null outside run()
    std::size_t number_ = 0;           // of the next piece
    bool held_ = false;
};

}  // namespace taper::cuda
