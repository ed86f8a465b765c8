// Layers without weights: each keeps its operand's format and rounds its gradient as its operand's is.
#pragma once

#include <taper/nn/module.h>

namespace taper::nn {

using core::AdaptivePool2dSpec;
using core::Pool2dSpec;

// y = max over each window; x [N, C, H, W] -> [N, C, (H + 2 padding - kernel) / stride + 1, likewise for W].  NaN and NaR win.
class MaxPool2d : public Module {
  public:
    explicit MaxPool2d(const Pool2dSpec& spec = {}) : spec_(spec) {}

  protected:
    Variable forward(const Variable& x) override { return max_pool2d(x, spec_); }

  private:
    Pool2dSpec spec_;
};

// y = sum over each window / kernel^2, in float64, rounded once; shapes as MaxPool2d's.
class AvgPool2d : public Module {
  public:
    explicit AvgPool2d(const Pool2dSpec& spec = {}) : spec_(spec) {}

  protected:
    Variable forward(const Variable& x) override { return avg_pool2d(x, spec_); }

  private:
    Pool2dSpec spec_;
};

// y[n,c,i,j] = mean of x's rows floor(i H / P) to ceil((i + 1) H / P) - 1 and columns likewise, in float64, rounded once;
// x [N, C, H, W] -> [N, C, P, Q].  Usage: AdaptiveAvgPool2d pool{{.rows = 1, .columns = 1}}
class AdaptiveAvgPool2d : public Module {
  public:
    explicit AdaptiveAvgPool2d(const AdaptivePool2dSpec& spec) : spec_(spec) {}

  protected:
    Variable forward(const Variable& x) override { return adaptive_avg_pool2d(x, spec_); }

  private:
    AdaptivePool2dSpec spec_;
};

// y = mean over H and W; x [N, C, H, W] -> [N, C].
class GlobalAvgPool2d : public Module {
  protected:
    Variable forward(const Variable& x) override { return mean(x, {2, 3}); }
};

// x [N, ...] -> [N, product of the rest].
class Flatten : public Module {
  protected:
    Variable forward(const Variable& x) override { return reshape(x, {x.size(0), -1}); }
};

// y = max(x, 0); NaN and NaR stay.
class ReLU : public Module {
  protected:
    Variable forward(const Variable& x) override { return relu(x); }
};

// y = x for x >= 0, slope x below; slope > 0.
class LeakyReLU : public Module {
  public:
    explicit LeakyReLU(double slope = 0.01) : slope_(slope) {}

  protected:
    Variable forward(const Variable& x) override { return leaky_relu(x, slope_); }

  private:
    double slope_;
};

// y = tanh(x).
class Tanh : public Module {
  protected:
    Variable forward(const Variable& x) override { return tanh(x); }
};

// y = 1 / (1 + exp(-x)).
class Sigmoid : public Module {
  protected:
    Variable forward(const Variable& x) override { return sigmoid(x); }
};

// y = x P(X <= x), X ~ N(0, 1): by the error function, or by PyTorch's approximation "tanh" (core/ops.h).
class GELU : public Module {
  public:
    explicit GELU(core::GeluApproximation approximation = core::GeluApproximation::none) : approximation_(approximation) {}

  protected:
    Variable forward(const Variable& x) override { return gelu(x, approximation_); }

  private:
    core::GeluApproximation approximation_;
};

// y_i = exp(x_i - max x) / sum_j exp(x_j - max x) over the last axis.
class Softmax : public Module {
  protected:
    Variable forward(const Variable& x) override { return softmax(x); }
};

// Training: each element is kept with probability 1 - p, as x / (1 - p), and is else 0; evaluation: y = x.  p in [0, 1].
// The mask is Philox's, of one stream of the default generator a call, so that a resumed run sees the same.
class Dropout : public Module {
  public:
    explicit Dropout(double p = 0.5) : p_(p) {}

  protected:
    Variable forward(const Variable& x) override { return training() ? dropout(x, p_) : x; }

  private:
    double p_;
};

// y = r_forward(x), dx = r_backward(dy); an unset one leaves the values, or the gradient, as they are.
class Quantizer : public Module {
  public:
    explicit Quantizer(const Output& forward, const Output& backward = {}) : forward_(forward), backward_(backward) {}

  protected:
    Variable forward(const Variable& x) override { return quantize(x, forward_, backward_); }

  private:
    Output forward_, backward_;
};

}  // namespace taper::nn
