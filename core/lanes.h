// Which arithmetic gives an element-wise op its one correct rounding.
#pragma once

#include <initializer_list>

#include <taper/core/elementwise.h>
#include <taper/formats/format.h>
#include <taper/formats/rounding.h>

namespace taper {

enum class Lanes : std::uint8_t {
    float32,  // float arithmetic, then the rounding into the output
    float64,  // the same in double
    odd,      // double arithmetic rounded to odd (odd.h), then the rounding into the output
    exact,    // one number at a time (exact_ops.h)
};

// Operands in `in`, result in `out`.
Lanes lanes_of(Unary op, double a, const Format& in, const Format& out, Rounding mode);
Lanes lanes_of(Binary op, const Format& in, const Format& out, Rounding mode);

// May products and quotients of values of these formats be formed in float32 without leaving its range?
bool float32_range(const Format& a, const Format& b);

// Does float32 serve a gradient of values of these formats: hold every value, and its range every product of two?
bool gradient_in_float32(std::initializer_list<Format> formats);

}  // namespace taper
