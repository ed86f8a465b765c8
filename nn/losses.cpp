#include <taper/nn/losses.h>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::nn {

namespace {

Variable in_loss_format(const Variable& x, const Precision& precision) {
    Variable rounded = quantize(x, precision.loss);
    if (rounded.requires_grad()) rounded.set_gradient_target(precision.loss);
    return rounded;
}

}  // namespace

Variable cross_entropy(const Variable& logits, const Tensor& labels, const Precision& precision, double label_smoothing) {
    return taper::cross_entropy(in_loss_format(logits, precision), labels, label_smoothing);
}
Variable nll_loss(const Variable& log_probabilities, const Tensor& labels, const Precision& precision) {
    return taper::nll_loss(in_loss_format(log_probabilities, precision), labels);
}
Variable mse_loss(const Variable& x, const Tensor& target, const Precision& precision) { return taper::mse_loss(in_loss_format(x, precision), target); }
Variable bce_with_logits_loss(const Variable& logits, const Tensor& target, const Precision& precision) {
    return taper::bce_with_logits_loss(in_loss_format(logits, precision), target);
}

std::int64_t correct_predictions(const Tensor& logits, const Tensor& labels) {
    if (logits.rank() != 2 || labels.shape() != Shape{logits.size(0)})
        throw Error(
            fmt::format("correct_predictions: shapes do not match: logits {}, labels {} (want [N, C] and [N])", logits.shape().str(), labels.shape().str()));
    const auto values = logits.to_vector_double();  // one read, which no kernel goes before
    const auto wanted = labels.to_int32_vector();
    std::int64_t count = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const auto row = values.begin() + static_cast<std::ptrdiff_t>(i) * logits.size(1), end = row + logits.size(1);
        const bool has_nan = std::any_of(row, end, [](double value) { return std::isnan(value); });
        count += !has_nan && row != end && std::max_element(row, end) - row == wanted[i];
    }
    return count;
}

}  // namespace taper::nn
