// LossScaler: the factor that lifts small gradients into a format's range, constant or found while training.
#pragma once

#include <cstdint>

#include <taper/nn/optim/optimizer.h>

namespace taper::nn {

struct LossScalerOptions {
    double initial = 65536;
    std::int64_t interval = 2000;  // good steps after which the scale doubles; 0: the scale is constant
    double minimum = 1, maximum = 0x1p24;
};

// A step whose gradients hold a NaN, a NaR or an infinity is skipped, and the scale halved; after `interval` good steps in a row it is doubled.
// Posits saturate where floats overflow: what tells their scale is too large is a float32 sum that overflowed, and `maximum`.
//   Usage: backward(loss, {.loss_scale = scaler.scale()});
//          if (!scaler.step(adam)) fmt::print("step skipped, loss scale {}\n", scaler.scale());
class LossScaler {
  public:
    explicit LossScaler(const LossScalerOptions& options = {});
    double scale() const { return scale_; }
    std::int64_t skipped() const { return skipped_; }  // steps, so far

    // optimizer.step(gradient_scale), or nothing; returns whether it stepped.  backward() has divided the gradients by the scale already.
    bool step(Optimizer& optimizer, double gradient_scale = 1);

    // "scale", "good" (steps since the scale changed), "skipped": what checkpoints keep.  load throws Error on others, and then sets none.
    Metadata state() const;
    void load(const Metadata& state);

  private:
    LossScalerOptions options_;
    double scale_;
    std::int64_t good_ = 0, skipped_ = 0;
};

}  // namespace taper::nn
