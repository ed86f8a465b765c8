// The step of a running statistic, the same on every device.
#pragma once

#include <taper/core/odd.h>

namespace taper {

// (1 - share) running + share (factor value): the products in float64, their sum rounded once, to float32.
TAPER_FN float moved_running(float running, double value, double share, double factor) {
    return static_cast<float>(odd::add((1 - share) * static_cast<double>(running), share * (factor * value)));
}

}  // namespace taper
