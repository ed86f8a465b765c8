// The weights of a convolution, [o, c, r, s], as packed panels of decoded elements.
#pragma once

#include <cstdint>

#include <taper/core/cpu/bfloat_panel.h>
#include <taper/core/conv_sizes.h>

namespace taper::cpu {

// Which lines and terms a convolution sums over, of the group `sizes.group`.
//   forward:  lines o, terms (c, r, s).
//   backward: lines c, terms (o, r, s): not flipped; the offsets of the terms are.
// Element BfloatPair: terms of two neighbouring channels (c of forward, o of backward) make a pair.
enum class WeightOrder { forward, backward };

// Panels of `height` lines:  panels[line / height * panel_size(height, depth) + k * height + line % height],
// k in [0, depth) = (channel or pair of channels, r, s).
void pack_weights(const ProductKernels<float>& kernels, const ConvSizes& sizes, WeightOrder order, const Tensor& w, std::int64_t height, float* panels);
void pack_weights(const BfloatKernels& kernels, const ConvSizes& sizes, WeightOrder order, const Tensor& w, std::int64_t height, BfloatPair* panels);

}  // namespace taper::cpu
