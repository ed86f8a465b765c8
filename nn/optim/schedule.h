// Schedules of the learning rate: functions of the epoch, so that a resumed run needs no state.
#pragma once

#include <cmath>
#include <cstdint>

namespace taper::nn {

// initial * factor^floor(epoch / period), epochs counted from 0: halved after every 4 epochs is StepLr{.initial = 0.0625, .period = 4}.
//   Usage: sgd.set_learning_rate(schedule(epoch));
struct StepLr {
    double initial = 0.1;
    std::int64_t period = 1;  // epochs, at least 1
    double factor = 0.5;
    double operator()(std::int64_t epoch) const { return initial * std::pow(factor, static_cast<double>(epoch / period)); }
};

}  // namespace taper::nn
