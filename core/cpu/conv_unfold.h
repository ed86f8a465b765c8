// Convolutions of small maps as matrix products: images unfolded as codes.
#pragma once

#include <taper/core/conv_sizes.h>
#include <taper/core/tensor.h>

namespace taper::cpu {

// u[(c, r, s), (n, p, q)] = code of x[n, c, p stride + r dilation - padding, q stride + s dilation - padding], 0 in the padding; of one group.
Tensor unfold(const ConvSizes& sizes, const Tensor& x);
// [n, channels, plane] -> [channels, n, plane].
Tensor channels_first(const Tensor& x, std::int64_t images, std::int64_t channels, std::int64_t plane);

}  // namespace taper::cpu
