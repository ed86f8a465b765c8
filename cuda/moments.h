// Moments by channel from sums that another kernel formed (convolution.cu).
#pragma once

#include <taper/core/norm.h>
#include <taper/cuda/sums.h>

namespace taper::cuda {

// Of x [N, C, ...], of a format that float32 holds: lanes[(c blocks + block) 8 + lane] holds the sums of d and d^2, d = x - the channel's first element,
// over the elements of one lane of a block of 4096 (sums.h).
void moments_of_lanes(Runtime& runtime, const Tensor& x, const TwoSums* lanes, core::Moments& moments);

}  // namespace taper::cuda
