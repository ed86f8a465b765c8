// Losses: logits are rounded into the `loss` format first.
#pragma once

#include <cstdint>

#include <taper/autograd/functions.h>
#include <taper/nn/precision.h>

namespace taper::nn {

// Mean over the batch of -log softmax(r_loss(logits))[label].
//   logits [N, C], labels int32 [N] in [0, C) -> [] float32.
//   The gradient of the logits is rounded into `loss`, then into `errors` (the logits' own target): the one place with two roundings.
//   Usage: cross_entropy(model(x), labels, model.precision())
Variable cross_entropy(const Variable& logits, const Tensor& labels, const Precision& precision);

// How many rows of logits [N, C] have their (first) largest element at the label; a row with NaN or NaR counts as wrong.
std::int64_t correct_predictions(const Tensor& logits, const Tensor& labels);

}  // namespace taper::nn
