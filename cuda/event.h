// Event: a mark in a stream that the host can wait for.  For sources that nvcc compiles.
#pragma once

#include <taper/cuda/check.h>

namespace taper::cuda {

class Event {
  public:
    Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreateWithFlags"); }  // of the calling thread's device
    ~Event() { (void)cudaEventDestroy(event_); }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "cudaEventRecord"); }  // not in a stream that is being captured
    void wait() { check(cudaEventSynchronize(event_), "cudaEventSynchronize"); }                     // at once where nothing was recorded

  private:
    cudaEvent_t event_ = nullptr;
};

}  // namespace taper::cuda
