// The softmax family: rows in float64, one rounding.
#include <cmath>
#include <string>

#include <taper/cuda/backend.h>
#include <taper/cuda/divisor.h>
#include <taper/cuda/element_io.h>
#include <taper/cuda/index_check.h>
#include <taper/cuda/sums.h>
#include <taper/formats/error.h>

namespace taper::cuda {

namespace {

struct RowTerm {
    Input x;
    Divisor n;
    TAPER_FN double operator()(std::int64_t row, std::int64_t k) const { return x.at<double>(row * n + k); }
};
struct ShiftedTerm {  // x - max x
    RowTerm x;
    const double* top;
    TAPER_FN double operator()(std::int64_t row, std::int64_t k) const { return x(row, k) - top[row]; }
};
struct ExponentialTerm {
    ShiftedTerm x;
    TAPER_FN double operator()(std::int64_t row, std::int64_t k) const { return std::exp(x(row, k)); }
};
struct ProductTerm {  // y dy
    RowTerm y, dy;
    TAPER_FN double operator()(std::int64_t row, std::int64_t k) const { return y(row, k) * dy(row, k); }
};

// Rows with their maxima and sums of exponentials.
struct Rows {
    std::int64_t n, count;
    Buffer<double> top, sum;
    ShiftedTerm shifted;

    Rows(Runtime& runtime, const Tensor& x)
        : n(x.size(-1)), count(x.elements() / n), top(maxima(runtime, count, n, RowTerm{Input(runtime, x), n})),
          sum(ordered_sums<double>(runtime, count, n, ExponentialTerm{{{Input(runtime, x), n}, top.data()}})), shifted{{Input(runtime, x), n}, top.data()} {}
};

void softmax_each(Runtime& runtime, std::int64_t elements, bool logarithm, const ShiftedTerm x, const double* sum, const Result y) {
    for_each(runtime, elements, TAPER_BODY(std::int64_t i) {
        const std::int64_t row = i / x.x.n;
        const double v = x(row, i % x.x.n);
        y.put(i, logarithm ? v - std::log(sum[row]) : std::exp(v) / sum[row]);
    });
}

void softmax_backward_each(Runtime& runtime, std::int64_t elements, bool logarithm, const RowTerm y, const RowTerm dy, const double* sum, const Result dx) {
    for_each(runtime, elements, TAPER_BODY(std::int64_t i) {
        const std::int64_t row = i / y.n, k = i % y.n;
        const double v = y(row, k), d = dy(row, k);
        dx.put(i, logarithm ? d - std::exp(v) * sum[row] : v * (d - sum[row]));
    });
}

// Of label smoothing e: (1 - e) (log sum - x_label) + e (log sum - mean x).
void losses_each(Runtime& runtime, std::int64_t rows, double smoothing, const ShiftedTerm x, const double* sum, const double* row_sum, const std::int32_t* label,
                 double* loss) {
    for_each(runtime, rows, TAPER_BODY(std::int64_t row) {
        const double log_sum = std::log(sum[row]), of_label = log_sum - x(row, label[row]);
        loss[row] = smoothing == 0 ? of_label : (1 - smoothing) * of_label + smoothing * (log_sum - row_sum[row] / static_cast<double>(std::int64_t{x.x.n}));
    });
}

void loss_gradient_each(Runtime& runtime, std::int64_t elements, double smoothing, const ShiftedTerm x, const double* sum, const std::int32_t* label,
                        std::int64_t rows, const Input dloss, const Result dx) {
    for_each(runtime, elements, TAPER_BODY(std::int64_t i) {
        const std::int64_t row = i / x.x.n, k = i % x.x.n;
        const double share = dloss.at<double>(0) / static_cast<double>(rows);
        double g = std::exp(x(row, k)) / sum[row];
        if (smoothing != 0) g -= smoothing / static_cast<double>(std::int64_t{x.x.n});
        if (k == label[row]) g -= 1 - smoothing;
        dx.put(i, g * share);
    });
}

void write_mean(Runtime& runtime, const double* sum, std::int64_t n, const Result y) {
    for_each(runtime, 1, TAPER_BODY(std::int64_t i) { y.put(i, sum[i] / static_cast<double>(n)); });
}

const std::int32_t* checked_labels(Runtime& runtime, const char* op, const Tensor& logits, const Tensor& labels) {
    const std::int32_t* const label = static_cast<const std::int32_t*>(labels.data());
    const std::int64_t classes = logits.size(-1);
    if (known_within(labels, classes)) return label;
    const std::int64_t bad = first_bad(runtime, labels.elements(), OutOfRange{label, classes});
    if (bad < labels.elements())
        throw Error(std::string(op) + ": label out of range: labels[" + std::to_string(bad) + "] is " + std::to_string(index_at(runtime, label, bad)) + " (want 0 to " + std::to_string(classes - 1) + ")");
    return label;
}

}  // namespace

void CudaBackend::softmax(Softmax kind, const Tensor& x, Tensor& y, const RoundingMode& mode) {
    const Rows rows(runtime_, x);
    softmax_each(runtime_, x.elements(), kind == Softmax::log_softmax, rows.shifted, rows.sum.data(), Result(runtime_, y, mode));
}

void CudaBackend::softmax_backward(Softmax kind, const Tensor& y, const Tensor& dy, Tensor& dx, const RoundingMode& mode) {
    const std::int64_t n = y.size(-1), count = y.elements() / n;
    const RowTerm y_rows{Input(runtime_, y), n}, dy_rows{Input(runtime_, dy), n};
    const bool logarithm = kind == Softmax::log_softmax;
    const Buffer<double> sum = logarithm ? ordered_sums<double>(runtime_, count, n, dy_rows) : ordered_sums<double>(runtime_, count, n, ProductTerm{y_rows, dy_rows});
    softmax_backward_each(runtime_, y.elements(), logarithm, y_rows, dy_rows, sum.data(), Result(runtime_, dx, mode));
}

void CudaBackend::cross_entropy(const Tensor& logits, const Tensor& labels, double label_smoothing, Tensor& loss) {
    const std::int32_t* const label = checked_labels(runtime_, "cross_entropy", logits, labels);
    const Rows rows(runtime_, logits);
    const Buffer<double> row_sum = ordered_sums<double>(runtime_, rows.count, rows.n, rows.shifted);
    const Buffer<double> losses(runtime_, rows.count);
    losses_each(runtime_, rows.count, label_smoothing, rows.shifted, rows.sum.data(), row_sum.data(), label, losses.data());
    const Buffer<double> sum = ordered_sums<double>(runtime_, 1, rows.count, ArrayTerm{losses.data(), rows.count});
    write_mean(runtime_, sum.data(), rows.count, Result(runtime_, loss, RoundingMode{}));
}

void CudaBackend::cross_entropy_backward(const Tensor& logits, const Tensor& labels, double label_smoothing, const Tensor& dloss, Tensor& dx,
                                         const RoundingMode& mode) {
    const std::int32_t* const label = checked_labels(runtime_, "cross_entropy_backward", logits, labels);
    const Rows rows(runtime_, logits);
    loss_gradient_each(runtime_, logits.elements(), label_smoothing, rows.shifted, rows.sum.data(), label, rows.count, Input(runtime_, dloss),
                       Result(runtime_, dx, mode));
}

}  // namespace taper::cuda
