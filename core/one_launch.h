// OneLaunch: work that is done again and again, such as a training step, handed to the device in a few launches.
#pragma once

#include <functional>
#include <memory>

#include <taper/core/device.h>

namespace taper {

// A call is a plain call of work, bits and errors included.  On a GPU, from the second call on, what work enqueues is launched together, each time
// with the numbers of that time; a read (item(), to_vector(), synchronize()) launches what came before it.  Where work throws, what it had enqueued
// is launched still.
// While work runs, other threads that use the device wait: work must not wait for them.  A call within another's work is a part of that.
class OneLaunch {
  public:
    explicit OneLaunch(const Device& device = default_device()) : device_(device) {}
    void operator()(const std::function<void()>& work);  // throws Error where the device does not answer, and what work throws

    // What a backend keeps from one call to the next.
    struct Kept {
        virtual ~Kept() = default;
    };

  private:
    Device device_;
    std::unique_ptr<Kept> kept_;
};

}  // namespace taper
