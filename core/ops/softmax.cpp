// Checks and allocation of the softmax family.
#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/ops/common.h>
#include <taper/formats/error.h>

namespace taper::core {
namespace {

void check_rows(const char* op, const Tensor& x) {
    if (x.rank() == 0) throw Error(fmt::format("{}: no axis to sum over: x is [] (want [.., C])", op));
    if (x.size(-1) == 0) throw Error(fmt::format("{}: the last axis is empty: x is {} (want C of 1 or more)", op, x.shape().str()));
}

Tensor forward(const char* op, Backend::Softmax kind, const Tensor& x, const Output& output) {
    check_values(op, {{"x", x}});
    check_rows(op, x);
    const Target target = target_of(op, output, x.format());
    Tensor y = Tensor::empty(x.shape(), target.format, x.device());
    if (y.elements() > 0) backend(x.device()).softmax(kind, x, y, rounding_mode(target));
    return y;
}

Tensor backward(const char* op, Backend::Softmax kind, const Tensor& y, const Tensor& dy, const Output& output) {
    check_values(op, {{"y", y}, {"dy", dy}});
    check_same_shape(op, {"y", y}, {"dy", dy});
    check_rows(op, y);
    const Target target = target_of(op, output, dy.format());
    Tensor dx = Tensor::empty(dy.shape(), target.format, dy.device());
    if (dx.elements() > 0) backend(dy.device()).softmax_backward(kind, y, dy, dx, rounding_mode(target));
    return dx;
}

void check_classes(const char* op, const Tensor& logits, const Tensor& labels) {
    check_values(op, {{"logits", logits}});
    if (!labels.defined()) throw Error(fmt::format("{}: labels holds nothing: an undefined tensor came (want int32 labels)", op));
    check_same_device(op, {"logits", logits}, {"labels", labels});
    if (logits.rank() != 2 || labels.shape() != Shape{logits.size(0)}) {
        throw Error(fmt::format("{}: shapes do not fit: logits is {}, labels is {} (want [N, C] and [N])", op, logits.shape().str(), labels.shape().str()));
    }
    if (labels.format() != Format::int32()) throw Error(fmt::format("{}: labels has another format: {} (want int32)", op, labels.format().name()));
    if (logits.elements() == 0) throw Error(fmt::format("{}: nothing to take the mean of: logits is {} (want N and C of 1 or more)", op, logits.shape().str()));
}

void check_smoothing(const char* op, double smoothing) {
    if (!(smoothing >= 0 && smoothing <= 1)) throw Error(fmt::format("{}: label_smoothing is out of range: {} (want 0 to 1)", op, smoothing));
}

}  // namespace

Tensor softmax(const Tensor& x, const Output& output) { return forward("softmax", Backend::Softmax::softmax, x, output); }
Tensor log_softmax(const Tensor& x, const Output& output) { return forward("log_softmax", Backend::Softmax::log_softmax, x, output); }
Tensor softmax_backward(const Tensor& y, const Tensor& dy, const Output& output) { return backward("softmax_backward", Backend::Softmax::softmax, y, dy, output); }
Tensor log_softmax_backward(const Tensor& y, const Tensor& dy, const Output& output) {
    return backward("log_softmax_backward", Backend::Softmax::log_softmax, y, dy, output);
}

Tensor cross_entropy(const Tensor& logits, const Tensor& labels, double label_smoothing) {
    check_classes("cross_entropy", logits, labels);
    check_smoothing("cross_entropy", label_smoothing);
    Tensor loss = Tensor::empty({}, logits.format() == Format::float64() ? Format::float64() : Format::float32(), logits.device());
    backend(logits.device()).cross_entropy(logits, labels, label_smoothing, loss);
    return loss;
}

Tensor cross_entropy_backward(const Tensor& logits, const Tensor& labels, const Tensor& dloss, const Output& output, double label_smoothing) {
    check_classes("cross_entropy_backward", logits, labels);
    check_smoothing("cross_entropy_backward", label_smoothing);
    check_values("cross_entropy_backward", {{"logits", logits}, {"dloss", dloss}});
    if (dloss.elements() != 1) {
        throw Error(fmt::format("cross_entropy_backward: dloss is not one number: dloss is {} (want one element)", dloss.shape().str()));
    }
    const Target target = target_of("cross_entropy_backward", output, logits.format());
    Tensor dx = Tensor::empty(logits.shape(), target.format, logits.device());
    backend(logits.device()).cross_entropy_backward(logits, labels, label_smoothing, dloss, dx, rounding_mode(target));
    return dx;
}

}  // namespace taper::core
