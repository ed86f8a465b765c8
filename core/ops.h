// Tensor ops without gradients: each checks shapes and formats, allocates the result, and calls the operands' backend.
// In all: operands lie on one device; the result has the operands' format unless `output` names another; every op acts as if it
// computed on decoded values and rounded its result once.  Errors name the op and print what came.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <taper/core/accumulator.h>
#include <taper/core/elementwise.h>
#include <taper/core/norm.h>
#include <taper/core/pool.h>
#include <taper/core/target.h>
#include <taper/core/tensor.h>

namespace taper::core {

// --- element-wise (elementwise.h lists them) ---------------------------------------------------------------------------
// y = op(x), correctly rounded for neg, abs, square, sqrt, reciprocal, relu, scale; for formats of at most 8 bits in all of them.
Tensor unary(Unary op, const Tensor& x, double a = 0, const Output& output = {});
// dx = dy * op'(saved); `saved` is x or y as saves(op) says (undefined for Saves::nothing).  Formats of saved and dy may differ;
// the result has dy's unless `output` says otherwise.  Where the derivative is 0 and dy is finite, dx is 0.
Tensor unary_backward(Unary op, const Tensor& saved, const Tensor& dy, double a = 0, const Output& output = {});
// y = op(a, b), NumPy broadcasting; both in one format (mixed formats: Error; to(format) is explicit).
Tensor binary(Binary op, const Tensor& a, const Tensor& b, const Output& output = {});
// Gradient for operand 0 (a) or 1 (b), summed to that operand's shape in float64.  For add and sub, a and b may be undefined
// (then `shape` alone is read).  Any mix of formats.
Tensor binary_backward(Binary op, const Tensor& a, const Tensor& b, const Tensor& dy, int operand, const Shape& shape, const Output& output = {});

// --- shape -------------------------------------------------------------------------------------------------------------
Tensor permute(const Tensor& x, std::span<const int> axes);
Tensor transpose(const Tensor& x, int axis_a = -2, int axis_b = -1);
Tensor slice(const Tensor& x, int axis, std::int64_t begin, std::int64_t end);  // [begin, end) of one axis
// Puts dy, rounded into the output (draws by dy's element index), into a zero tensor of `shape` at [begin, ...) of `axis`: slice's gradient.
Tensor slice_backward(const Tensor& dy, const Shape& shape, int axis, std::int64_t begin, const Output& output = {});
Tensor concatenate(std::span<const Tensor> parts, int axis);
Tensor broadcast_to(const Tensor& x, const Shape& shape);  // x itself if it has that shape
Tensor sum_to(const Tensor& x, const Shape& shape, const Output& output = {});  // reverse of broadcast_to, in float64
// y[.., j, ..] = x[.., index[.., j, ..], ..] along `axis` (PyTorch's gather); index int32 with x's shape but on `axis`.  Index out of range: Error.
Tensor gather(const Tensor& x, int axis, const Tensor& index);
// dx[.., index[.., j, ..], ..] += dy[.., j, ..] in float64, j ascending, into a tensor of `shape`; one rounding.
Tensor gather_backward(const Tensor& dy, int axis, const Tensor& index, const Shape& shape, const Output& output = {});

// --- reductions over `axes` (empty: all), in float64 over fixed blocks of 4096 elements and 8 lanes ----------------------
enum class Reduction : std::uint8_t { sum, mean, variance, max, squares };  // variance: mean of squared deviations (divides by n); NaN wins in max; squares: sum x^2
Tensor reduce(Reduction kind, const Tensor& x, std::span<const int> axes = {}, bool keep_axes = false, const Output& output = {});
Tensor argmax(const Tensor& x, int axis = -1);  // int32, first of equals; a NaN or NaR wins

// --- softmax family, over the last axis ----------------------------------------------------------------------------------
Tensor softmax(const Tensor& x, const Output& output = {});      // y_i = exp(x_i - max x) / sum_j exp(x_j - max x)
Tensor log_softmax(const Tensor& x, const Output& output = {});  // y_i = x_i - max x - log sum_j exp(x_j - max x)
Tensor softmax_backward(const Tensor& y, const Tensor& dy, const Output& output = {});      // dx = y (dy - sum y dy)
Tensor log_softmax_backward(const Tensor& y, const Tensor& dy, const Output& output = {});  // dx = dy - exp(y) sum dy
// Mean over the batch of -sum_j q_j log softmax(logits)_j, q = (1 - e) onehot(label) + e / C, e = label_smoothing in [0, 1]:
// logits [N, C], labels int32 [N] in [0, C) -> [] float32 (float64 for float64 logits).
Tensor cross_entropy(const Tensor& logits, const Tensor& labels, double label_smoothing = 0);
// d logits = (softmax(logits) - q) * dloss / N, with dloss a tensor of one element.
Tensor cross_entropy_backward(const Tensor& logits, const Tensor& labels, const Tensor& dloss, const Output& output = {}, double label_smoothing = 0);
// Mean over all n elements of (x - t)^2, or of max(x, 0) - x t + log(1 + exp(-|x|)): x and target t of one shape, any formats -> [] as above.
enum class PointLoss : std::uint8_t { mse, bce_with_logits };
Tensor point_loss(PointLoss kind, const Tensor& x, const Tensor& target);
// dx = 2 (x - t) dloss / n, or (sigmoid(x) - t) dloss / n, in float64, rounded once.
Tensor point_loss_backward(PointLoss kind, const Tensor& x, const Tensor& target, const Tensor& dloss, const Output& output = {});

// --- sums of products ----------------------------------------------------------------------------------------------------
struct MatmulOptions {
    bool transpose_a = false;  // a is read as its last two axes swapped, without a copy
    bool transpose_b = false;
    Accumulator accumulator = {};
    Output output = {};  // unset: a's format
    Tensor bias = {};    // [N], enters the sum before its one rounding; any format
    Activation activation = Activation::none;
};
// y[.., m, n] = sum_k a[.., m, k] b[.., k, n] (+ bias[n]): a [.., M, K], b [.., K, N]; leading axes broadcast, or one operand has none.
// Any two formats.  K = 0 gives zero, or the bias.
Tensor matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options = {});

struct Conv2dSpec {
    std::int64_t stride = 1;
    std::int64_t padding = 0;
    std::int64_t dilation = 1;
    std::int64_t groups = 1;
};
struct SumOptions {
    Accumulator accumulator = {};
    Output output = {};  // unset: the first operand's format
    Activation activation = Activation::none;
};
// y[n,o,i,j] = bias[o] + sum_{c,r,s} x[n, g C/groups + c, i stride + r dilation - padding, j stride + s dilation - padding] w[o,c,r,s];
// g = o / (O/groups) is the group of o.  c, r, s are the terms in their order: a padded position is one, of product 0; what lies between the elements
// of a dilated kernel is none.
// x [N,C,H,W], w [O,C/groups,R,S], bias [O] or undefined -> [N, O, (H + 2p - dilation (R - 1) - 1)/stride + 1, likewise for W].
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dSpec& spec = {}, const SumOptions& options = {});
// dx[n,c,i,j] = bias[c] + the sum over (o of c's group, r, s) of the flipped kernel, its elements `dilation` apart, over dy with zeros between its
// elements for strides: these and padded positions are terms of product 0.  bias [C] or undefined: transposed convolution's.
Tensor conv2d_backward_data(const Tensor& dy, const Tensor& w, const Shape& x_shape, const Conv2dSpec& spec = {}, const SumOptions& options = {},
                            const Tensor& bias = {});
// dw: the sum over (n, i, j).
Tensor conv2d_backward_weights(const Tensor& dy, const Tensor& x, const Shape& w_shape, const Conv2dSpec& spec = {}, const SumOptions& options = {});

struct ConvTranspose2dSpec {
    std::int64_t stride = 1;
    std::int64_t padding = 0;
    std::int64_t output_padding = 0;  // rows and columns more at the end, fewer than the stride: which of the images that conv2d takes to one size
    std::int64_t dilation = 1;
    std::int64_t groups = 1;

    Conv2dSpec convolution() const { return {stride, padding, dilation, groups}; }  // whose backward-data sum it is
};
// y[n,o,i,j] = bias[o] + sum over (c of o's group, r, s) of the flipped kernel over x with zeros between its elements: conv2d_backward_data's sum.
// x [N,C,H,W], w [C,O/groups,R,S], bias [O] or undefined -> [N, O, (H - 1) stride - 2 padding + dilation (R - 1) + 1 + output_padding, likewise].
Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvTranspose2dSpec& spec = {}, const SumOptions& options = {});

// --- GELU: y = x P(X <= x), X ~ N(0, 1) -------------------------------------------------------------------------------------
// none: x (1 + erf(x / sqrt 2)) / 2;  tanh: x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2: PyTorch's names of the two.  Correctly rounded from
// formats of at most 8 bits, else from float64's functions; the limit -0 at -infinity.
enum class GeluApproximation : std::uint8_t { none, tanh };
Tensor gelu(const Tensor& x, GeluApproximation approximation = GeluApproximation::none, const Output& output = {});
// dx = dy y'(x), in float64, rounded once.
Tensor gelu_backward(const Tensor& dy, const Tensor& x, GeluApproximation approximation = GeluApproximation::none, const Output& output = {});

// --- dropout ---------------------------------------------------------------------------------------------------------------
// For n elements, uint8 [ceil(n / 8)]: bit i mod 8 of byte i / 8 is set where element i is kept, that is where its draw < 2^32 (1 - p); the draws are
// Philox's of one stream of the generator, p in [0, 1].
Tensor dropout_mask(std::int64_t n, double p, const Device& device = default_device());
// r(scale x) where kept, else 0; NaN and NaR stay.
Tensor dropout(const Tensor& x, const Tensor& mask, double scale, const Output& output = {});

}  // namespace taper::core
