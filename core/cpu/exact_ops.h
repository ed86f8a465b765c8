// Element-wise ops on one exact number at a time: what code-to-code tables are built of, and what serves formats and roundings that no
// floating-point lane serves.
#pragma once

#include <taper/core/elementwise.h>
#include <taper/core/tensor.h>
#include <taper/formats/arithmetic.h>
#include <taper/formats/code.h>

namespace taper {

Unpacked unpack_double(double x);
// Element `index` of an array, with its draw; `lost` counts NaN without a code.
std::uint64_t pack_element(const Format& format, const Unpacked& x, const RoundingMode& mode, std::uint64_t index, std::size_t& lost);

// The exact result, or its first 64 bits and a sticky bit; exp, log, tanh and sigmoid from long double, with the side on which the
// true value lies where the first bits alone would call it exact.
Unpacked exact_unary(Unary op, const Unpacked& x, double a);
Unpacked exact_binary(Binary op, const Unpacked& a, const Unpacked& b);

// Whole tensors, one rounding; operands of `binary` are broadcast to y's shape.  Return how many NaN had no code.
std::size_t exact_unary(Unary op, double a, const Tensor& x, Tensor& y, const RoundingMode& mode);
std::size_t exact_binary(Binary op, const Tensor& a, const Tensor& b, Tensor& y, const RoundingMode& mode);

}  // namespace taper
