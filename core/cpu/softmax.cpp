// The softmax family: rows in float64, one rounding.
#include <cmath>

#include <omp.h>

#include <fmt/format.h>

#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/operand.h>
#include <taper/core/cpu/reduce.h>
#include <taper/formats/error.h>

namespace taper {
namespace {

std::int64_t row_length(const Tensor& x) { return x.size(-1); }

// Reads rows of any length as doubles.
class Rows {
  public:
    explicit Rows(const Tensor& x) : in_(x), n_(row_length(x)) {}
    void read(std::int64_t row, double* out) const {
        for (std::int64_t i = 0; i < n_; i += lane_block) in_.copy(row * n_ + i, std::min(lane_block, n_ - i), out + i);
    }

  private:
    Reader<double> in_;
    std::int64_t n_;
};

// Sum of body(row, scratch) over the rows, scratch holding `arrays` rows of doubles.
template <class Body>
std::size_t sum_over_rows(const Tensor& x, std::int64_t arrays, const Body& body) {
    const std::int64_t n = row_length(x), rows = x.elements() / n;
    const int threads = x.elements() >= parallel_from / 8 ? omp_get_max_threads() : 1;
    std::vector<double> scratch(static_cast<std::size_t>(threads * arrays * n));
    std::size_t sum = 0;
#pragma omp parallel for schedule(static) reduction(+ : sum) num_threads(threads)
    for (std::int64_t row = 0; row < rows; ++row) sum += body(row, scratch.data() + omp_get_thread_num() * arrays * n);
    return sum;
}

// NaN if there is one.
double row_max(const double* x, std::int64_t n) {
    double best = x[0];
    for (std::int64_t i = 1; i < n; ++i) best = !(x[i] <= best) && best == best ? x[i] : best;
    return best;
}

// x <- x - max x, e <- exp(x - max x); returns the sum of e.
double exponentials(double* x, double* e, std::int64_t n) {
    const double top = row_max(x, n);
    for (std::int64_t i = 0; i < n; ++i) {
        x[i] = x[i] - top;
        e[i] = std::exp(x[i]);
    }
    return ordered_sum(e, n);
}

// One row's softmax or log-softmax in place; e is scratch.
void softmax_row(Backend::Softmax kind, double* x, double* e, std::int64_t n) {
    const double sum = exponentials(x, e, n);
    if (kind == Backend::Softmax::softmax) {
        for (std::int64_t i = 0; i < n; ++i) x[i] = e[i] / sum;
    } else {
        const double log_sum = std::log(sum);
        for (std::int64_t i = 0; i < n; ++i) x[i] = x[i] - log_sum;
    }
}

// dy <- the gradient; y and t are scratch after the call.
void softmax_backward_row(Backend::Softmax kind, double* y, double* dy, double* t, std::int64_t n) {
    if (kind == Backend::Softmax::softmax) {
        for (std::int64_t i = 0; i < n; ++i) t[i] = y[i] * dy[i];
        const double sum = ordered_sum(t, n);
        for (std::int64_t i = 0; i < n; ++i) dy[i] = y[i] * (dy[i] - sum);
    } else {
        const double sum = ordered_sum(dy, n);
        for (std::int64_t i = 0; i < n; ++i) dy[i] = dy[i] - std::exp(y[i]) * sum;
    }
}

const std::int32_t* checked_labels(const char* op, const Tensor& logits, const Tensor& labels) {
    const std::int32_t* label = static_cast<const std::int32_t*>(labels.data());
    const std::int64_t classes = row_length(logits);
    for (std::int64_t i = 0; i < labels.elements(); ++i) {
        if (label[i] < 0 || label[i] >= classes) throw Error(fmt::format("{}: label out of range: labels[{}] is {} (want 0 to {})", op, i, label[i], classes - 1));
    }
    return label;
}

std::size_t write_row(const Writer<double>& out, std::int64_t row, std::int64_t n, const double* values) { return out.finish(row * n, n, values); }

}  // namespace

void CpuBackend::softmax(Softmax kind, const Tensor& x, Tensor& y, const RoundingMode& mode) {
    const std::int64_t n = row_length(x);
    const Rows in(x);
    const Writer<double> out(y, mode);
    count_nan(sum_over_rows(x, 2, [&](std::int64_t row, double* scratch) {
        in.read(row, scratch);
        softmax_row(kind, scratch, scratch + n, n);
        return write_row(out, row, n, scratch);
    }));
}

void CpuBackend::softmax_backward(Softmax kind, const Tensor& y, const Tensor& dy, Tensor& dx, const RoundingMode& mode) {
    const std::int64_t n = row_length(y);
    const Rows y_in(y), dy_in(dy);
    const Writer<double> out(dx, mode);
    count_nan(sum_over_rows(y, 3, [&](std::int64_t row, double* scratch) {
        y_in.read(row, scratch);
        dy_in.read(row, scratch + n);
        softmax_backward_row(kind, scratch, scratch + n, scratch + 2 * n, n);
        return write_row(out, row, n, scratch + n);
    }));
}

void CpuBackend::cross_entropy(const Tensor& logits, const Tensor& labels, double label_smoothing, Tensor& loss) {
    const std::int64_t n = row_length(logits);
    const std::int32_t* label = checked_labels("cross_entropy", logits, labels);
    const Rows in(logits);
    std::vector<double> losses(static_cast<std::size_t>(labels.elements()));
    sum_over_rows(logits, 2, [&](std::int64_t row, double* scratch) {
        in.read(row, scratch);
        const double sum = exponentials(scratch, scratch + n, n);
        const double log_sum = std::log(sum), of_label = log_sum - scratch[label[row]];
        double& result = losses[static_cast<std::size_t>(row)];
        result = label_smoothing == 0 ? of_label : (1 - label_smoothing) * of_label + label_smoothing * (log_sum - ordered_sum(scratch, n) / static_cast<double>(n));
        return std::size_t{0};
    });
    const double mean = ordered_sum(losses.data(), labels.elements()) / static_cast<double>(labels.elements());
    count_nan(Writer<double>(loss, {}).finish(0, 1, &mean));
}

void CpuBackend::cross_entropy_backward(const Tensor& logits, const Tensor& labels, double label_smoothing, const Tensor& dloss, Tensor& dx, const RoundingMode& mode) {
    const std::int64_t n = row_length(logits);
    const std::int32_t* label = checked_labels("cross_entropy_backward", logits, labels);
    double share = 0;
    decode(dloss.format(), dloss.data(), 1, &share);
    share /= static_cast<double>(labels.elements());
    const Rows in(logits);
    const Writer<double> out(dx, mode);
    count_nan(sum_over_rows(logits, 2, [&](std::int64_t row, double* scratch) {
        in.read(row, scratch);
        softmax_row(Softmax::softmax, scratch, scratch + n, n);
        for (std::int64_t i = 0; label_smoothing != 0 && i < n; ++i) scratch[i] -= label_smoothing / static_cast<double>(n);
        scratch[label[row]] -= 1 - label_smoothing;
        for (std::int64_t i = 0; i < n; ++i) scratch[i] *= share;
        return write_row(out, row, n, scratch);
    }));
}

}  // namespace taper
