// The Adam step: one pass over the codes of weight, master, both moments and gradient.
#include <cmath>

#include <taper/core/cpu/adam_operations.h>
#include <taper/cuda/backend.h>
#include <taper/cuda/step_operations.h>

namespace taper::cuda {

namespace {

template <class T>
struct Adam {
    T lr, beta1, rest1, beta2, rest2, root_scale, eps, weight_decay, gradient_scale;
    bool decoupled;
};

template <class T>
void results_each(Runtime& runtime, std::int64_t n, const Adam<T> step, const HeldWeights weights, const StepTensor mean, const StepTensor square,
                  const Input gradient) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        T w = weights.held.in.at<T>(i), g = gradient.at<T>(i);
        if (step.gradient_scale != 1) g = g * step.gradient_scale;
        if (step.weight_decay != 0 && step.decoupled) w = w - step.weight_decay * w;
        if (step.weight_decay != 0 && !step.decoupled) g = g + step.weight_decay * w;
        const T m = step.beta1 * mean.in.at<T>(i) + step.rest1 * g, v = step.beta2 * square.in.at<T>(i) + step.rest2 * g * g;
        mean.out.put(i, m);
        square.out.put(i, v);
        weights.descend(i, step.lr, m / (step.root_scale * std::sqrt(v) + step.eps), w);
    });
}

using Number = AdamOperations::Number;
constexpr int operations = int{Number::change} + int{taper::StepOperations::compensation} + 1;

void operations_each(Runtime& runtime, std::int64_t n, const Adam<double> step, bool converts_gradient, const StepOperations<operations>* table,
                     const HeldWeights weights, const StepTensor mean, const StepTensor square, const Input gradient) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        const StepOperations<operations>& op = *table;
        double w = weights.held.in.at<double>(i), g = gradient.at<double>(i);
        if (converts_gradient) g = op.operation[Number::gradient].mul(i, step.gradient_scale, g);
        if (step.weight_decay != 0 && step.decoupled) w = op.subtract(Number::shrink, Number::shrunk, i, step.weight_decay, w, w);
        if (step.weight_decay != 0 && !step.decoupled) g = op.multiply_add(Number::decay, i, step.weight_decay, w, g);
        const double kept = op.operation[Number::mean_kept].mul(i, step.beta1, mean.in.at<double>(i));
        const double m = op.multiply_add(Number::mean_part, i, step.rest1, g, kept);
        const double square_kept = op.operation[Number::square_kept].mul(i, step.beta2, square.in.at<double>(i));
        const double part = op.operation[Number::square_part].mul(i, step.rest2, g);
        const double v = op.multiply_add(Number::square_product, i, part, g, square_kept);
        const double root = op.operation[Number::root].sqrt(i, v);
        const double denominator = op.multiply_add(Number::scaled_root, i, step.root_scale, root, step.eps);
        mean.out.put(i, m);
        square.out.put(i, v);
        op.descend(Number::change, i, step.lr, op.operation[Number::direction].div(i, m, denominator), w, weights);
    });
}

template <class T>
void round_results(Runtime& runtime, const core::AdamStep& step, core::StepWeights& weights, Tensor& mean, Tensor& square, const Tensor& gradient) {
    const BiasCorrection correction(step);
    const double decay = step.decoupled ? step.lr * step.weight_decay : step.weight_decay;
    const Adam<T> s = {static_cast<T>(step.lr * correction.rate), static_cast<T>(step.beta1),      static_cast<T>(1 - step.beta1),
                       static_cast<T>(step.beta2),                static_cast<T>(1 - step.beta2),  static_cast<T>(correction.root),
                       static_cast<T>(step.eps),                  static_cast<T>(decay),           static_cast<T>(step.gradient_scale),
                       step.decoupled};
    const HeldWeights held(
        runtime, weights, {operation_mode(step, step.master_rounding, 0), operation_mode(step, step.weight_rounding, 1), operation_mode(step, step.state_rounding, 4)});
    results_each<T>(runtime, weights.weight.elements(), s, held, StepTensor(runtime, mean, operation_mode(step, step.state_rounding, 2)),
                    StepTensor(runtime, square, operation_mode(step, step.state_rounding, 3)), Input(runtime, gradient));
}

void round_operations(Runtime& runtime, const core::AdamStep& step, core::StepWeights& weights, Tensor& mean, Tensor& square, const Tensor& gradient) {
    const BiasCorrection correction(step);
    const taper::StepOperations::Targets targets = operation_targets(step, weights, mean, gradient.format());
    const Format &state = targets.state.format, &into = targets.held.format;
    const double decay = step.decoupled ? rounded(step.lr * step.weight_decay, into) : rounded(step.weight_decay, state);
    const Adam<double> s = {rounded(step.lr * correction.rate, into), rounded(step.beta1, state), rounded(1 - step.beta1, state), rounded(step.beta2, state),
                            rounded(1 - step.beta2, state), rounded(correction.root, state), rounded(step.eps, state), decay, step.gradient_scale, step.decoupled};
    const auto host = std::make_unique<StepOperations<operations>>(
        step_operations<operations>(runtime, step, targets, Number::change, {Number::shrink, Number::shrunk}));
    const Buffer<StepOperations<operations>> table(runtime, 1);
    runtime.copy_in(host.get(), table.data(), sizeof(*host));
    operations_each(runtime, weights.weight.elements(), s, step.gradient_scale != 1 || !holds(state, gradient.format()), table.data(),
                    HeldWeights(runtime, weights, exact_modes(step, weights, Number::change)), StepTensor(runtime, mean, {}), StepTensor(runtime, square, {}),
                    Input(runtime, gradient));
}

}  // namespace

void CudaBackend::adam_step(const core::AdamStep& step, core::StepWeights& weights, Tensor& mean, Tensor& square, const Tensor& gradient) {
    if (step.rounding != core::StepRounding::results)
        round_operations(runtime_, step, weights, mean, square, gradient);
    else if (in_float32({&weights.weight, &weights.master, &weights.compensation, &mean, &square, &gradient}))
        round_results<float>(runtime_, step, weights, mean, square, gradient);
    else
        round_results<double>(runtime_, step, weights, mean, square, gradient);
    raise_versions({&weights.weight, &weights.master, &weights.compensation, &mean, &square});
}

}  // namespace taper::cuda
