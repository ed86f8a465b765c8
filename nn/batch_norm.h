// BatchNorm1d, BatchNorm2d: normalisation of each channel over the batch, with running statistics for evaluation.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <taper/nn/module.h>

namespace taper::nn {

enum class AffineParameters : bool { no, yes };
enum class RunningStatistics : bool { no, yes };

struct BatchNormOptions {
    double eps = 1e-5;
    // running = (1 - momentum) running + momentum new; unset: the mean over all batches so far.
    std::optional<double> momentum = 0.1;
    AffineParameters affine = AffineParameters::yes;
    RunningStatistics track = RunningStatistics::yes;  // no: the batch's statistics in evaluation too
};

// y = (x - mean) / sqrt(variance + eps) weight + bias, formed in float64 and rounded once into `activations`; the gradient of y is rounded into `errors`.
//   x [N, C] or [N, C, ...] -> the same shape; weight [C] starts as 1, bias [C] as 0.
//   Training: mean and variance (divided by n) are the batch's, in float64 from the decoded codes.  They move the buffers running_mean and
//   running_var [C], float32 whatever the precision: the latter with the unbiased variance, divided by n - 1; num_batches_tracked [] counts, int32 (files of
//   old PyTorch lack it). Evaluation: the running ones.  Names, defaults and rules are PyTorch's. Throws Error for another rank or C, and in training for a
//   single value a channel.
class BatchNorm : public Module {
  public:
    Parameter* weight() { return weight_; }  // null without affine parameters
    Parameter* bias() { return bias_; }
    const BatchNormOptions& options() const { return options_; }

  protected:
    BatchNorm(const char* name, std::int64_t channels, const BatchNormOptions& options);
    Variable forward(const Variable& x) override { return forward(x, Activation::none); }
    Variable forward_with_relu(const Variable& x) override { return forward(x, Activation::relu); }
    virtual bool fits(const Shape& x) const = 0;

  private:
    Variable forward(const Variable& x, Activation then);
    void track(const core::Moments& moments, std::int64_t n);
    std::int32_t count_batch();

    const char* name_;
    std::int64_t channels_;
    BatchNormOptions options_;
    Parameter *weight_ = nullptr, *bias_ = nullptr;
    Tensor *mean_ = nullptr, *variance_ = nullptr, *batches_ = nullptr;
    // What this module last left in *batches_, of which storage and version: it is read back only where someone else has set it.
    struct Counted {
        std::weak_ptr<const Storage> storage;
        std::uint64_t version = 0;
        std::int32_t batches = 0;
    } counted_;
};

// x [N, C] or [N, C, L].
class BatchNorm1d : public BatchNorm {
  public:
    explicit BatchNorm1d(std::int64_t channels, const BatchNormOptions& options = {}) : BatchNorm("BatchNorm1d", channels, options) {}

  protected:
    bool fits(const Shape& x) const override { return x.rank() == 2 || x.rank() == 3; }
};

// x [N, C, H, W].
class BatchNorm2d : public BatchNorm {
  public:
    explicit BatchNorm2d(std::int64_t channels, const BatchNormOptions& options = {}) : BatchNorm("BatchNorm2d", channels, options) {}

  protected:
    bool fits(const Shape& x) const override { return x.rank() == 4; }
};

}  // namespace taper::nn
