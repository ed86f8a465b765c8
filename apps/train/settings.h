// Settings: what a training run does beside its formats and its data, as plain values that a program gives its own defaults.
#pragma once

#include <cstdint>

#include <taper/core/device.h>

namespace taper::train {

enum class OptimizerKind { sgd, adam, adamw };
struct OptimizerSettings {
    OptimizerKind kind = OptimizerKind::sgd;
    double lr = 0.1;
    double momentum = 0;  // of SGD
    bool nesterov = false;
    double beta1 = 0.9, beta2 = 0.999;  // of Adam and AdamW
    double weight_decay = 0;
    bool compensated = false;  // Kahan's sum
};

enum class ScheduleKind { none, step, cosine, one_cycle };
struct ScheduleSettings {
    ScheduleKind kind = ScheduleKind::none;
    std::int64_t every = 4;                            // step: epochs between two drops
    double factor = 0.5;                               // step: of a drop
    double last = 0;                                   // cosine: the rate after the last epoch
    double rise = 0.3;                                 // one_cycle: the share of the steps in which the rate grows
    double start = 25;                                 // one_cycle: it begins at lr / start
    double end = 1e4;                                  // one_cycle: and ends at lr / start / end
    double low_momentum = 0.85, high_momentum = 0.95;  // one_cycle: of an optimizer with momentum, against the rate; equal: it stays
    std::int64_t warmup = 0;                           // epochs, before which the rate grows to the schedule's in a line, step by step
};

struct GradientSettings {
    double loss_scale = 1;  // dynamic: the first one
    bool dynamic_scale = false;
    double clip_value = 0;  // 0: none; before clip_norm
    double clip_norm = 0;   // 0: none
};

struct Settings {
    std::int64_t epochs = 10, batch = 64;
    OptimizerSettings optimizer = {};
    ScheduleSettings schedule = {};
    GradientSettings gradients = {};
    double label_smoothing = 0;
    bool augment = false;             // crops with a padding of 4, flips
    std::int64_t float32_epochs = 0;  // the first ones, before the recipe is applied
    std::uint64_t seed = 1;
    int threads = 0;  // 0: as many as there are cores
    Device device = {};
};

}  // namespace taper::train
