// Arithmetic of float64, or float32, rounded to odd: a second rounding to at most 51 bits, or 22, then gives what one rounding of the exact result gives.
// Source: Boldo, Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd" (IEEE TC 2008).
// mul, div and sqrt hold where no error underflows: operands 0, infinite, NaN or of magnitude 2^-480 to 2^480.
#pragma once

#include <cmath>
#include <cstdint>

#include <taper/formats/host_device.h>
#include <taper/formats/lane.h>

namespace taper::odd {

// `nearest` is the exact result rounded to nearest, `error` any number with the sign of exact - nearest (NaN where nearest is not finite).
template <class Real>
TAPER_FN Real to_odd(Real nearest, Real error) {
    using Int = typename Lane<Real>::Int;
    const Int bits = bits_as<Int>(nearest);
    const Int inexact = error < 0 || error > 0 ? 1 : 0;
    const Int beyond = inexact & ((bits_as<Int>(error) ^ bits) < 0 ? 1 : 0);  // nearest lies further from 0 than exact
    return bits_as<Real>((bits - beyond) | inexact);
}

template <class Real>
TAPER_FN Real add(Real a, Real b) {
    const Real s = a + b, t = s - a;
    return to_odd(s, (a - (s - t)) + (b - t));
}
// a b + c, where Real holds a b.
template <class Real>
TAPER_FN Real fma(Real a, Real b, Real c) {
    const Real s = std::fma(a, b, c), t = s - c;
    return to_odd(s, (c - (s - t)) + std::fma(a, b, -t));
}
TAPER_FN double mul(double a, double b) {
    const double p = a * b;
    return to_odd(p, __builtin_fma(a, b, -p));
}
TAPER_FN double div(double a, double b) {
    const double q = a / b, rest = __builtin_fma(-q, b, a);
    return to_odd(q, b < 0 ? -rest : rest);
}
TAPER_FN double sqrt(double x) {
    const double root = __builtin_sqrt(x);
    return to_odd(root, __builtin_fma(-root, root, x));
}

}  // namespace taper::odd
