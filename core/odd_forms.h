// OddForm: the forward functions of elementwise.h in float64 rounded to odd (odd.h).
#pragma once

#include <taper/core/elementwise.h>
#include <taper/core/odd.h>

namespace taper {

// The forward function of an op rounded to odd; an op that is not named here is exact in float64, or has no correct rounding to keep.
template <class Op>
struct OddForm : Op {};
template <>
struct OddForm<elementwise::Square> {
    TAPER_FN static double forward(double x, double) { return odd::mul(x, x); }
};
template <>
struct OddForm<elementwise::Sqrt> {
    TAPER_FN static double forward(double x, double) { return odd::sqrt(x); }
};
template <>
struct OddForm<elementwise::Reciprocal> {
    TAPER_FN static double forward(double x, double) { return odd::div(1.0, x); }
};
template <>
struct OddForm<elementwise::LeakyRelu> {
    TAPER_FN static double forward(double x, double a) { return x < 0 ? odd::mul(a, x) : x; }
};
template <>
struct OddForm<elementwise::Scale> {
    TAPER_FN static double forward(double x, double a) { return odd::mul(a, x); }
};
// A finite argument's result is a positive number, which a posit must not turn into 0 or NaR.
TAPER_FN double finite_positive(double y) { return y < 0x1p-1022 ? 0x1p-1022 : (y > 0x1.fffffffffffffp+1023 ? 0x1.fffffffffffffp+1023 : y); }
template <>
struct OddForm<elementwise::Exp> {
    TAPER_FN static double forward(double x, double a) { return __builtin_isinf(x) ? elementwise::Exp::forward(x, a) : finite_positive(elementwise::Exp::forward(x, a)); }
};
template <>
struct OddForm<elementwise::Sigmoid> {
    TAPER_FN static double forward(double x, double a) { return __builtin_isinf(x) ? elementwise::Sigmoid::forward(x, a) : finite_positive(elementwise::Sigmoid::forward(x, a)); }
};
template <>
struct OddForm<elementwise::Add> {
    TAPER_FN static double forward(double a, double b) { return odd::add(a, b); }
};
template <>
struct OddForm<elementwise::Sub> {
    TAPER_FN static double forward(double a, double b) { return odd::add(a, -b); }
};
template <>
struct OddForm<elementwise::Mul> {
    TAPER_FN static double forward(double a, double b) { return odd::mul(a, b); }
};
template <>
struct OddForm<elementwise::Div> {
    TAPER_FN static double forward(double a, double b) { return odd::div(a, b); }
};

}  // namespace taper
