// Schedules of the learning rate: functions of the epoch or of the step, counted from 0, so that a resumed run needs no state.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace taper::nn {

// initial * factor^floor(epoch / period), epochs counted from 0: halved after every 4 epochs is StepLr{.initial = 0.0625, .period = 4}.
//   Usage: sgd.set_learning_rate(schedule(epoch));
struct StepLr {
    double initial = 0.1;
    std::int64_t period = 1;  // epochs, at least 1
    double factor = 0.5;
    double operator()(std::int64_t epoch) const { return initial * std::pow(factor, static_cast<double>(epoch / period)); }
};

// last + (first - last) (1 + cos(pi share)) / 2: from `first` at share 0 to `last` at share 1.
inline double cosine_between(double first, double last, double share) { return last + (first - last) * (1 + std::cos(std::numbers::pi * share)) / 2; }

// From initial at 0 to minimum at `period` by half a cosine, minimum from there on.
// Source: Loshchilov, Hutter, "SGDR" (ICLR 2017), without restarts; PyTorch's CosineAnnealingLR up to T_max.
struct CosineLr {
    double initial = 0.1;
    std::int64_t period = 1;  // at least 1
    double minimum = 0;
    double operator()(std::int64_t t) const {
        return t >= period ? minimum : cosine_between(initial, minimum, static_cast<double>(t) / static_cast<double>(period));
    }
};

// Two halves of a cosine: from `first` at 0 to `top` at rise * steps - 1, then to `last` at steps - 1, and that from there on.
struct Cycle {
    std::int64_t steps = 1;  // in all; rise * steps > 1
    double rise = 0.3;       // the share of them before the top
    double operator()(double first, double top, double last, std::int64_t step) const {
        const double turn = rise * static_cast<double>(steps) - 1, end = static_cast<double>(steps - 1), at = std::min(static_cast<double>(step), end);
        return at <= turn ? cosine_between(first, top, at / turn) : cosine_between(top, last, (at - turn) / (end - turn));
    }
};

// PyTorch's OneCycleLR (cosines, two phases): from maximum / start to maximum, then to maximum / start / end.
// Source: Smith, Topin, "Super-Convergence" (2018).
struct OneCycleLr {
    double maximum = 0.01;
    std::int64_t steps = 1;  // in all; rise * steps > 1
    double rise = 0.3;       // the share of them in which the rate grows
    double start = 25;
    double end = 1e4;
    double operator()(std::int64_t step) const { return Cycle{steps, rise}(maximum / start, maximum, maximum / start / end, step); }
};

// The momentum beside it, PyTorch's cycle_momentum: from high to low where the rate is largest, and back.
//   Usage: sgd.set_momentum(momentum(step));
struct OneCycleMomentum {
    double low = 0.85, high = 0.95;
    std::int64_t steps = 1;
    double rise = 0.3;
    double operator()(std::int64_t step) const { return Cycle{steps, rise}(high, low, high, step); }
};

// then(t) times a factor that grows linearly from `start` at 0 to 1 at `period`: PyTorch's LinearLR chained with another schedule.
//   Usage: WarmUp<CosineLr>{.then = {.initial = 0.1, .period = 20}, .period = 5}
template <class Schedule>
struct WarmUp {
    Schedule then;
    std::int64_t period = 1;  // at least 1
    double start = 1.0 / 3;
    double operator()(std::int64_t t) const { return then(t) * (start + (1 - start) * static_cast<double>(std::min(t, period)) / static_cast<double>(period)); }
};

}  // namespace taper::nn
