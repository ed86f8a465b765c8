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

// PyTorch's OneCycleLR (cosines, two phases, momentum untouched): from maximum / start at 0 to maximum at rise * steps - 1, then to
// maximum / start / end at steps - 1, and that from there on.  Source: Smith, Topin, "Super-Convergence" (2018).
struct OneCycleLr {
    double maximum = 0.01;
    std::int64_t steps = 1;  // in all; rise * steps > 1
    double rise = 0.3;       // the share of them in which the rate grows
    double start = 25;
    double end = 1e4;
    double operator()(std::int64_t step) const {
        const double first = maximum / start, top = rise * static_cast<double>(steps) - 1, last = static_cast<double>(steps - 1);
        const double at = std::min(static_cast<double>(step), last);
        return at <= top ? cosine_between(first, maximum, at / top) : cosine_between(maximum, first / end, (at - top) / (last - top));
    }
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
