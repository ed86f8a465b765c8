// The Adam step: one pass over the codes of weight, master, both moments and gradient.
#include <taper/core/cpu/adam_operations.h>
#include <taper/core/cpu/backend.h>

namespace taper {
namespace {

template <class T>
AdamLoop<T> loop_of(const core::AdamStep& step, double root_scale) {
    const double decay = step.decoupled ? step.lr * step.weight_decay : step.weight_decay;
    return {static_cast<T>(step.beta1),     static_cast<T>(1 - step.beta1),      static_cast<T>(step.beta2),
            static_cast<T>(1 - step.beta2), static_cast<T>(root_scale),          static_cast<T>(step.eps),
            static_cast<T>(decay),          static_cast<T>(step.gradient_scale), step.decoupled};
}

template <class T>
std::size_t round_results(const core::AdamStep& step, core::StepWeights& weights, Tensor& mean, Tensor& square, const Tensor& gradient) {
    const BiasCorrection correction(step);
    const AdamLoop<T> loop = loop_of<T>(step, correction.root);
    const T lr = static_cast<T>(step.lr * correction.rate);
    const HeldWeights<T> held(
        weights, {operation_mode(step, step.master_rounding, 0), operation_mode(step, step.weight_rounding, 1), operation_mode(step, step.state_rounding, 4)});
    const StepTensor<T> means(mean, operation_mode(step, step.state_rounding, 2)), squares(square, operation_mode(step, step.state_rounding, 3));
    const Reader<T> g_in(gradient);
    return sum_over_blocks(weights.weight.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) T w[lane_block], g[lane_block], m[lane_block], v[lane_block], c[lane_block];
        const Block block = {begin, count};
        held.read(block, w, c);
        g_in.copy(begin, count, g);
        means.read(block, m);
        squares.read(block, v);
        step_loops<T>().adam(loop, g, m, v, w, static_cast<std::size_t>(count));
        const std::size_t lost = means.write(block, m) + squares.write(block, v);
        return lost + held.descend(block, lr, g, w);
    });
}

std::size_t round_operations(const core::AdamStep& step, core::StepWeights& weights, Tensor& mean, Tensor& square, const Tensor& gradient) {
    const AdamOperations operations(step, weights, mean, gradient.format());
    const HeldWeights<double> held(weights, exact_modes(step, weights, AdamOperations::change));
    const StepTensor<double> means(mean, {}), squares(square, {});
    const Reader<double> g_in(gradient);
    return sum_over_blocks(weights.weight.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) double w[lane_block], g[lane_block], m[lane_block], v[lane_block], c[lane_block];
        const Block block = {begin, count};
        held.read(block, w, c);
        g_in.copy(begin, count, g);
        means.read(block, m);
        squares.read(block, v);
        const std::size_t lost = operations(block, g, m, v, w, weights.compensation.defined() ? c : nullptr);
        means.write(block, m);
        squares.write(block, v);
        return lost + held.write(block, w, c);
    });
}

}  // namespace

void CpuBackend::adam_step(const core::AdamStep& step, core::StepWeights& weights, Tensor& mean, Tensor& square, const Tensor& gradient) {
    if (step.rounding != core::StepRounding::results)
        count_nan(round_operations(step, weights, mean, square, gradient));
    else if (in_float32({&weights.weight, &weights.master, &weights.compensation, &mean, &square, &gradient}))
        count_nan(round_results<float>(step, weights, mean, square, gradient));
    else
        count_nan(round_results<double>(step, weights, mean, square, gradient));
    raise_versions({&weights.weight, &weights.master, &weights.compensation, &mean, &square});
}

}  // namespace taper
