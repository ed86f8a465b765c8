// Observer: what looks on while a run trains, step by step.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <taper/nn/module.h>
#include <taper/nn/optim/optimizer.h>

namespace taper::train {

struct StepInfo {
    std::int64_t epoch = 0;  // from 0
    std::int64_t step = 0;   // over all epochs, from 0: the same number in a resumed run
};

// It must neither change the parameters nor draw from the default generator, or the run's bits change.
class Observer {
  public:
    virtual ~Observer() = default;
    virtual void begin_step(const StepInfo&) {}  // before the forward pass
    virtual void gradients(const StepInfo&) {}   // they are complete and rounded; neither clipped nor used yet
    virtual void end_step(const StepInfo&) {}    // after the optimizer's step
    virtual void end_epoch(std::int64_t) {}      // after the test of that epoch, before the checkpoint
};

// A run as observers see it; model and optimizer outlive them.
struct RunInfo {
    std::string name;
    nn::Module& model;
    const nn::Optimizer& optimizer;
};
using ObserverFactory = std::function<std::unique_ptr<Observer>(const RunInfo&)>;

}  // namespace taper::train
