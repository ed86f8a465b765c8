// Terms and derivatives of the losses that are means over elements, written once for host and device.
#pragma once

#include <cmath>

#include <taper/formats/host_device.h>

namespace taper::core {

struct Mse {
    TAPER_FN static double loss(double x, double t) { return (x - t) * (x - t); }
    TAPER_FN static double grad(double x, double t) { return 2 * (x - t); }
};

// -t log s(x) - (1 - t) log(1 - s(x)) with s = sigmoid, in the form that neither overflows nor cancels.
struct BceWithLogits {
    TAPER_FN static double loss(double x, double t) { return (x < 0 ? 0 : x) - x * t + std::log1p(std::exp(-std::fabs(x))); }
    TAPER_FN static double grad(double x, double t) {
        const double e = std::exp(-std::fabs(x));
        return (x < 0 ? e : 1.0) / (1 + e) - t;
    }
};

}  // namespace taper::core
