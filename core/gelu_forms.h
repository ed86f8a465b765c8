// GELU and its derivative at one number, written once for host and device.
#pragma once

#include <cmath>

#include <taper/core/odd.h>
#include <taper/formats/host_device.h>

namespace taper::gelu_form {

TAPER_FN bool is_infinite(double x) { return x - x != 0 && x == x; }

// The share P(X <= x), its derivative, without cancellation on either side of 0.
struct ByErf {
    template <class T>
    TAPER_FN static T share(T x) {
        return std::erfc(-x * static_cast<T>(0.70710678118654752440084436210484903L)) / 2;
    }
    template <class T>
    TAPER_FN static T slope(T x) {
        return static_cast<T>(0.39894228040143267793994605993438187L) * std::exp(-x * x / 2);
    }
};
struct ByTanh {
    static constexpr long double root = 0.79788456080286535587989211986876374L, cubic = 0.044715L;  // sqrt(2 / pi)
    template <class T>
    TAPER_FN static T share(T x) {  // (1 + tanh u) / 2 = 1 / (1 + exp(-2 u))
        const T e = std::exp(-2 * std::fabs(inner(x)));
        return (x < 0 ? e : T(1)) / (1 + e);
    }
    template <class T>
    TAPER_FN static T slope(T x) {
        const T s = share(std::fabs(x)), rest = share(-std::fabs(x));
        const T inside = 2 * static_cast<T>(root) * (1 + 3 * static_cast<T>(cubic) * x * x);
        return rest == 0 ? T(0) : s * rest * inside;
    }
    template <class T>
    TAPER_FN static T inner(T x) {
        return static_cast<T>(root) * (x + static_cast<T>(cubic) * x * x * x);
    }
};

// A finite x that is not 0 has a result that is not 0, which a posit must not lose.
template <class Form>
TAPER_FN double forward(double x) {
    if (is_infinite(x)) return x < 0 ? -0.0 : x;
    const double y = x * Form::share(x);
    return y == 0 && x != 0 ? (x < 0 ? -0x1p-1022 : 0x1p-1022) : y;
}

// The same rounded to odd: an error of long double's size decides where it must, and the true result lies above x / 2 and below x.
template <class Form>
inline double forward_to_odd(double x) {
    const long double v = x, y = v * Form::share(v);
    if (x == 0 || !std::isfinite(x) || std::fabs(y) < 0x1p-1022) return forward<Form>(x);
    const double nearest = static_cast<double>(y);
    const long double error = y == v / 2 ? 1 : y == v ? -1 : y - nearest;
    return odd::to_odd(nearest, static_cast<double>(error));
}

template <class Form>
TAPER_FN double derivative(double x) {
    if (is_infinite(x)) return x < 0 ? 0 : 1;
    const double slope = Form::slope(x);
    return Form::share(x) + (slope == 0 ? 0 : x * slope);
}

}  // namespace taper::gelu_form
