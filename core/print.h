// Tensors as text, in the manner of NumPy's print.
#pragma once

#include <string>

#include <taper/core/tensor.h>

namespace taper {

// Nested brackets with aligned columns of at most 6 significant digits, then the format, the shape and the device unless it is the cpu:
//   [[1, -0.5, NaR],
//    [2,  0.25,  0]] posit(8,2) [2, 3]
// Beyond 1000 elements, 3 at each edge of every axis.  NaN is "nan", in posits "NaR".
std::string to_text(const Tensor& x);

}  // namespace taper
