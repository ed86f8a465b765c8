// LayerNorm, GroupNorm: normalisation within each sample.
#pragma once

#include <cstdint>

#include <taper/nn/batch_norm.h>

namespace taper::nn {

struct NormOptions {
    double eps = 1e-5;
    AffineParameters affine = AffineParameters::yes;
};

// y = (x - mean) / sqrt(variance + eps) weight + bias over the last axes, of sizes `shape`; in float64, rounded once into `activations`.
//   x [.., shape] -> the same shape; weight [shape] starts as 1, bias [shape] as 0; the variance is divided by n; the gradient of y is rounded into
//   `errors`.  Training and evaluation are alike.  Throws Error if x does not end in `shape`.
class LayerNorm : public Module {
  public:
    explicit LayerNorm(const Shape& shape, const NormOptions& options = {});
    Parameter* weight() { return weight_; }  // null without affine parameters
    Parameter* bias() { return bias_; }

  protected:
    Variable forward(const Variable& x) override { return forward(x, Activation::none); }
    Variable forward_with_relu(const Variable& x) override { return forward(x, Activation::relu); }

  private:
    Variable forward(const Variable& x, Activation then);
    Shape shape_;
    double eps_;
    Parameter *weight_ = nullptr, *bias_ = nullptr;
};

// The same over `groups` groups of C / groups neighbouring channels each, with all that follows them; weight and bias [C], one a channel.
//   x [N, C, ...] -> the same shape.  Throws Error unless groups divides the channels, and for another C.
class GroupNorm : public Module {
  public:
    GroupNorm(std::int64_t groups, std::int64_t channels, const NormOptions& options = {});
    Parameter* weight() { return weight_; }
    Parameter* bias() { return bias_; }

  protected:
    Variable forward(const Variable& x) override { return forward(x, Activation::none); }
    Variable forward_with_relu(const Variable& x) override { return forward(x, Activation::relu); }

  private:
    Variable forward(const Variable& x, Activation then);
    std::int64_t groups_, channels_;
    double eps_;
    Parameter *weight_ = nullptr, *bias_ = nullptr;
};

}  // namespace taper::nn
