// The SGD step: one pass over the codes of weight, master, velocity and gradient.
#include <taper/core/cpu/sgd_operations.h>
#include <taper/cuda/backend.h>
#include <taper/cuda/step_operations.h>

namespace taper::cuda {

namespace {

template <class T>
struct Sgd {
    T lr, momentum, weight_decay, gradient_scale;
    bool first, nesterov;
};

template <class T>
void results_each(Runtime& runtime, std::int64_t n, const Sgd<T> step, const HeldWeights weights, const StepTensor velocity, const Input gradient) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        const T w = weights.held.in.at<T>(i);
        T g = gradient.at<T>(i);
        if (step.gradient_scale != 1) g = g * step.gradient_scale;
        if (step.weight_decay != 0) g = g + step.weight_decay * w;
        T d = g;
        if (velocity.defined) {
            const T v = step.first ? g : step.momentum * velocity.in.at<T>(i) + g;
            velocity.out.put(i, v);
            d = step.nesterov ? g + step.momentum * v : v;
        }
        weights.descend(i, step.lr, d, w);
    });
}

using Number = SgdOperations::Number;
constexpr int operations = int{Number::change} + int{taper::StepOperations::compensation} + 1;

void operations_each(Runtime& runtime, std::int64_t n, const Sgd<double> step, bool converts_gradient, const StepOperations<operations> op, const HeldWeights weights,
                     const StepTensor velocity, const Input gradient) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        const double w = weights.held.in.at<double>(i);
        double g = gradient.at<double>(i);
        if (converts_gradient) g = op.operation[Number::gradient].mul(i, step.gradient_scale, g);
        if (step.weight_decay != 0) g = op.multiply_add(Number::decay, i, step.weight_decay, w, g);
        double d = g;
        if (velocity.defined) {
            const double v = step.first ? g : op.multiply_add(Number::kept, i, step.momentum, velocity.in.at<double>(i), g);
            velocity.out.put(i, v);
            d = v;
            if (step.nesterov) d = op.multiply_add(Number::ahead, i, step.momentum, v, g);
        }
        op.descend(Number::change, i, step.lr, d, w, weights);
    });
}

template <class T>
void round_results(Runtime& runtime, const core::SgdStep& step, core::StepWeights& weights, Tensor& velocity, const Tensor& gradient) {
    const HeldWeights held(
        runtime, weights, {operation_mode(step, step.master_rounding, 0), operation_mode(step, step.weight_rounding, 1), operation_mode(step, step.state_rounding, 3)});
    const Sgd<T> s = {static_cast<T>(step.lr), static_cast<T>(step.momentum), static_cast<T>(step.weight_decay), static_cast<T>(step.gradient_scale), step.first,
                      step.nesterov};
    results_each<T>(runtime, weights.weight.elements(), s, held, StepTensor(runtime, velocity, operation_mode(step, step.state_rounding, 2)), Input(runtime, gradient));
}

void round_operations(Runtime& runtime, const core::SgdStep& step, core::StepWeights& weights, Tensor& velocity, const Tensor& gradient) {
    const taper::StepOperations::Targets targets = operation_targets(step, weights, velocity, gradient.format());
    const Format &state = targets.state.format, &into = targets.held.format;
    const Sgd<double> s = {rounded(step.lr, into), rounded(step.momentum, state), rounded(step.weight_decay, state), step.gradient_scale, step.first, step.nesterov};
    operations_each(runtime, weights.weight.elements(), s, step.gradient_scale != 1 || !holds(state, gradient.format()),
                    step_operations<operations>(runtime, step, targets, Number::change), HeldWeights(runtime, weights, exact_modes(step, weights, Number::change)),
                    StepTensor(runtime, velocity, {}), Input(runtime, gradient));
}

}  // namespace

void CudaBackend::sgd_step(const core::SgdStep& step, core::StepWeights& weights, Tensor& velocity, const Tensor& gradient) {
    if (step.rounding != core::StepRounding::results)
        round_operations(runtime_, step, weights, velocity, gradient);
    else if (in_float32({&weights.weight, &weights.master, &weights.compensation, &velocity, &gradient}))
        round_results<float>(runtime_, step, weights, velocity, gradient);
    else
        round_results<double>(runtime_, step, weights, velocity, gradient);
    raise_versions({&weights.weight, &weights.master, &weights.compensation, &velocity});
}

}  // namespace taper::cuda
