// The float32 driver of matrix products.
#pragma once

#include <taper/core/backend.h>

namespace taper::cpu {

// y = a b + bias in float32, rounded once, as Backend::matmul.  Returns how many NaN had no code.
std::size_t float32_matmul(const Backend::MatmulShape& shape, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y, const RoundingMode& mode);

}  // namespace taper::cpu
