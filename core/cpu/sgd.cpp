// The SGD step: one pass over the codes of weight, master, velocity and gradient.
#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/sgd_operations.h>

namespace taper {
namespace {

template <class T>
std::size_t round_results(const core::SgdStep& step, core::StepWeights& weights, Tensor& velocity, const Tensor& gradient) {
    const SgdLoop<T> loop = {
        static_cast<T>(step.momentum), static_cast<T>(step.weight_decay), static_cast<T>(step.gradient_scale), velocity.defined(), step.first, step.nesterov};
    const T lr = static_cast<T>(step.lr);
    const HeldWeights<T> held(
        weights, {operation_mode(step, step.master_rounding, 0), operation_mode(step, step.weight_rounding, 1), operation_mode(step, step.state_rounding, 3)});
    const Reader<T> g_in(gradient);
    std::optional<StepTensor<T>> velocities;
    if (velocity.defined()) velocities.emplace(velocity, operation_mode(step, step.state_rounding, 2));
    return sum_over_blocks(weights.weight.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) T w[lane_block], g[lane_block], v[lane_block], c[lane_block];
        const Block block = {begin, count};
        held.read(block, w, c);
        g_in.copy(begin, count, g);
        if (velocities && !step.first) velocities->read(block, v);
        step_loops<T>().sgd(loop, g, v, w, static_cast<std::size_t>(count));
        const std::size_t lost = velocities ? velocities->write(block, v) : 0;
        return lost + held.descend(block, lr, velocities && !step.nesterov ? v : g, w);
    });
}

std::size_t round_operations(const core::SgdStep& step, core::StepWeights& weights, Tensor& velocity, const Tensor& gradient) {
    const SgdOperations operations(step, weights, velocity, gradient.format());
    const HeldWeights<double> held(weights, exact_modes(step, weights, SgdOperations::change));
    const Reader<double> g_in(gradient);
    std::optional<StepTensor<double>> velocities;
    if (velocity.defined()) velocities.emplace(velocity, RoundingMode{});
    return sum_over_blocks(weights.weight.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) double w[lane_block], g[lane_block], v[lane_block], c[lane_block];
        const Block block = {begin, count};
        held.read(block, w, c);
        g_in.copy(begin, count, g);
        if (velocities && !step.first) velocities->read(block, v);
        const std::size_t lost = operations(block, g, v, w, weights.compensation.defined() ? c : nullptr);
        if (velocities) velocities->write(block, v);
        return lost + held.write(block, w, c);
    });
}

}  // namespace

void CpuBackend::sgd_step(const core::SgdStep& step, core::StepWeights& weights, Tensor& velocity, const Tensor& gradient) {
    if (step.rounding != core::StepRounding::results)
        count_nan(round_operations(step, weights, velocity, gradient));
    else if (in_float32({&weights.weight, &weights.master, &weights.compensation, &velocity, &gradient}))
        count_nan(round_results<float>(step, weights, velocity, gradient));
    else
        count_nan(round_results<double>(step, weights, velocity, gradient));
    raise_versions({&weights.weight, &weights.master, &weights.compensation, &velocity});
}

}  // namespace taper
