// What backward() and the pages of functions/ share: rounding into a target, compute types, shapes of reductions.  Private to autograd.
#pragma once

#include <initializer_list>
#include <vector>

#include <taper/autograd/variable.h>
#include <taper/core/target.h>
#include <taper/core/tensor.h>

namespace taper::autograd {

// x rounded once into the target (a stochastic one draws a stream from default_generator()); x itself if it has that format.
Tensor rounded(const Tensor& x, const Target& target);

// float64 if one of the formats computes in float64, else float32.
Format compute_format(std::initializer_list<Format> formats);

// What the gradient of an op with an activation begins with: dy before it.
class ActivationGradient {
  public:
    ActivationGradient(Activation activation, const Tensor& y) : y_(activation == Activation::relu ? Saved(y) : Saved()) {}
    Tensor operator()(const Tensor& dy) const;  // in dy's format

  private:
    Saved y_;
};

// The shape with size 1 at `axes` (empty: all): what a reduction gives with keep_axes.
Shape reduced_shape(const Shape& shape, const std::vector<int>& axes);

// [.., C] -> [rows, C], shared
Tensor rows_of(const Tensor& x);

// small [broadcastable to shape] -> its values repeated over `shape`, each rounded once into the target.
Tensor spread(const Tensor& small, const Shape& shape, const Target& target);

}  // namespace taper::autograd
