// Ops on Variables: core/ops.h with gradients.  One page each in autograd/functions/.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <taper/autograd/variable.h>
#include <taper/core/ops.h>

namespace taper {

// Formats and accumulators of an op that sums products, forward and backward apart.
struct ProductOptions {
    Output output = {};  // unset: the first operand's format
    Accumulator forward = {}, backward_data = {}, backward_weights = {};
    Activation activation = Activation::none;  // relu: relu(y), in the same pass
};

// y = op(x): neg, abs, square, sqrt, reciprocal, exp, log, tanh, sigmoid, relu; leaky_relu(x, slope), scale(x, factor).
Variable unary(Unary op, const Variable& x, double a = 0);
#define TAPER_DECLARE(type, function) \
    inline Variable function(const Variable& x, double a = 0) { return unary(Unary::function, x, a); }
TAPER_UNARY_OPS(TAPER_DECLARE)
#undef TAPER_DECLARE
Variable gelu(const Variable& x, core::GeluApproximation approximation = core::GeluApproximation::none);
// y = op(a, b): add, sub, mul, div, maximum, minimum, with NumPy's broadcasting; one format.
Variable binary(Binary op, const Variable& a, const Variable& b);
#define TAPER_DECLARE(type, function) \
    inline Variable function(const Variable& a, const Variable& b) { return binary(Binary::function, a, b); }
TAPER_BINARY_OPS(TAPER_DECLARE)
#undef TAPER_DECLARE
inline Variable operator+(const Variable& a, const Variable& b) { return add(a, b); }
inline Variable operator-(const Variable& a, const Variable& b) { return sub(a, b); }
inline Variable operator*(const Variable& a, const Variable& b) { return mul(a, b); }
inline Variable operator/(const Variable& a, const Variable& b) { return div(a, b); }
inline Variable operator-(const Variable& x) { return neg(x); }

// Rounds forward into `forward`, and the gradient on its way back into `backward` (unset: x's own target): Qtorch+'s quantizer.
Variable quantize(const Variable& x, const Output& forward, const Output& backward = {});
inline Variable to(const Variable& x, const Target& target) { return quantize(x, target); }

Variable reshape(const Variable& x, const Shape& shape);
Variable permute(const Variable& x, const std::vector<int>& axes);
Variable transpose(const Variable& x, int axis_a = -2, int axis_b = -1);
Variable slice(const Variable& x, int axis, std::int64_t begin, std::int64_t end);
Variable concatenate(const std::vector<Variable>& parts, int axis);
Variable broadcast_to(const Variable& x, const Shape& shape);
Variable gather(const Variable& x, int axis, const Tensor& index);

Variable sum(const Variable& x, const std::vector<int>& axes = {}, bool keep_axes = false);
Variable mean(const Variable& x, const std::vector<int>& axes = {}, bool keep_axes = false);
Variable variance(const Variable& x, const std::vector<int>& axes = {}, bool keep_axes = false);
Variable max(const Variable& x, const std::vector<int>& axes = {}, bool keep_axes = false);  // gradient to every maximum, shared equally

Variable softmax(const Variable& x);      // over the last axis
Variable log_softmax(const Variable& x);  // over the last axis
// Mean -log softmax(logits)[label]: logits [N, C], labels int32 [N] -> [] float32; e = label_smoothing: against (1 - e) onehot(label) + e / C.
Variable cross_entropy(const Variable& logits, const Tensor& labels, double label_smoothing = 0);
Variable nll_loss(const Variable& log_probabilities, const Tensor& labels);  // mean -log_probabilities[n, label]: [N, C], int32 [N] -> [] float32
Variable mse_loss(const Variable& x, const Tensor& target);                  // mean (x - target)^2, one shape -> [] float32
Variable bce_with_logits_loss(const Variable& x, const Tensor& target);      // mean -t log s(x) - (1 - t) log(1 - s(x)), s the sigmoid -> [] float32
// matmul: a [.., M, K], b [.., K, N].  linear: x [.., I], weight [O, I], bias [O] or undefined; y = x weight^T + bias.
Variable matmul(const Variable& a, const Variable& b, const ProductOptions& options = {});
Variable linear(const Variable& x, const Variable& weight, const Variable& bias, const ProductOptions& options = {});
Variable conv2d(const Variable& x, const Variable& weight, const Variable& bias, const core::Conv2dSpec& spec = {}, const ProductOptions& options = {});
// x [N, C, H, W], weight [C, O, R, S], bias [O] or undefined -> [N, O, (H - 1) stride - 2 padding + R + output_padding, likewise].
Variable conv_transpose2d(const Variable& x, const Variable& weight, const Variable& bias, const core::ConvTranspose2dSpec& spec = {}, const ProductOptions& options = {});
// y = (x - mean) / sqrt(variance + eps) weight + bias, statistics and result formed in float64 and rounded once; weight and bias undefined: 1 and 0.
// norm takes the moments of x itself (`of_x`, and its gradient goes through them) or constants (`given`); core/norm.h names the groups.
enum class Statistics : std::uint8_t { of_x, given };
Variable norm(const Variable& x, const core::Moments& moments, Statistics statistics, const Variable& weight, const Variable& bias, const core::NormSpec& spec = {},
              const Output& output = {}, Activation activation = Activation::none);
// x [N, C, ...], over each channel of the batch: norm with the batch's own moments.
Variable batch_norm(const Variable& x, const Variable& weight, const Variable& bias, double eps = 1e-5, const Output& output = {},
                    Activation activation = Activation::none);
// x [N, C, ...], over C / groups neighbouring channels of a sample; weight, bias [C].
Variable group_norm(const Variable& x, std::int64_t groups, const Variable& weight, const Variable& bias, double eps = 1e-5, const Output& output = {},
                    Activation activation = Activation::none);
// Over the last axes, of sizes `shape`; weight, bias of that shape.
Variable layer_norm(const Variable& x, const Shape& shape, const Variable& weight, const Variable& bias, double eps = 1e-5, const Output& output = {},
                    Activation activation = Activation::none);
Variable max_pool2d(const Variable& x, const core::Pool2dSpec& spec = {});
Variable avg_pool2d(const Variable& x, const core::Pool2dSpec& spec = {});
Variable adaptive_avg_pool2d(const Variable& x, const core::AdaptivePool2dSpec& spec);  // of 1 x 1: the mean over axes 2 and 3, as mean forms it
// x / (1 - p) with probability 1 - p, else 0; draws one stream of the default generator, saves one bit an element; p in [0, 1].
Variable dropout(const Variable& x, double p);
// Rows of weight [V, D] by index int32 [..] -> [.., D]; a row's gradient is the float64 sum of its uses, 0 for `padding_index`.
Variable embedding(const Variable& weight, const Tensor& index, std::optional<std::int64_t> padding_index = {});

}  // namespace taper
