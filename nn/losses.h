// Losses: what they are given is rounded into the `loss` format first; its gradient into `loss`, then into `errors` (its own target): the one
// place with two roundings.  Each is a mean, [] float32.
#pragma once

#include <cstdint>

#include <taper/autograd/functions.h>
#include <taper/nn/precision.h>

namespace taper::nn {

// Mean over the batch of -log softmax(r_loss(logits))[label].
//   logits [N, C], labels int32 [N] in [0, C).  With e = label_smoothing in [0, 1] the labels' share is 1 - e, and e / C goes to every class.
//   Usage: cross_entropy(model(x), labels, model.precision())
Variable cross_entropy(const Variable& logits, const Tensor& labels, const Precision& precision, double label_smoothing = 0);
// Mean over the batch of -r_loss(log_probabilities)[label]: what log_softmax gives, [N, C]; labels int32 [N] in [0, C).
Variable nll_loss(const Variable& log_probabilities, const Tensor& labels, const Precision& precision);
// Mean over all elements of (r_loss(x) - target)^2; x and target of one shape, target in any format.
Variable mse_loss(const Variable& x, const Tensor& target, const Precision& precision);
// Mean over all elements of -t log s - (1 - t) log(1 - s), s = sigmoid(r_loss(logits)), t = target in [0, 1]; one shape, target in any format.
Variable bce_with_logits_loss(const Variable& logits, const Tensor& target, const Precision& precision);

// How many rows of logits [N, C] have their (first) largest element at the label; a row with NaN or NaR counts as wrong.
std::int64_t correct_predictions(const Tensor& logits, const Tensor& labels);

}  // namespace taper::nn
