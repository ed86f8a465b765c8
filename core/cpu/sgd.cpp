// The SGD step: one pass over the codes of weight, master, velocity and gradient.
#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/elementwise_kernels.h>
#include <taper/core/cpu/operand.h>
#include <taper/core/cpu/sgd_operations.h>

namespace taper {
namespace {

void step_block(const SgdLoop<float>& step, float* g, float* v, float* w, std::int64_t n) { elementwise_kernels().sgd_float32(step, g, v, w, static_cast<std::size_t>(n)); }
void step_block(const SgdLoop<double>& step, double* g, double* v, double* w, std::int64_t n) {
    elementwise_kernels().sgd_float64(step, g, v, w, static_cast<std::size_t>(n));
}

template <class T>
std::size_t round_results(const core::SgdStep& step, Tensor& weight, Tensor& master, Tensor& velocity, const Tensor& gradient) {
    const SgdLoop<T> loop = {static_cast<T>(step.lr), static_cast<T>(step.momentum), static_cast<T>(step.weight_decay), static_cast<T>(step.gradient_scale),
                             velocity.defined(), step.first, step.nesterov};
    Tensor& held = master.defined() ? master : weight;
    const Reader<T> w_in(held), g_in(gradient);
    const Writer<T> weight_out(weight, operation_mode(step, step.weight_rounding, 1));
    std::optional<Reader<T>> v_in;
    std::optional<Writer<T>> master_out, v_out;
    if (master.defined()) master_out.emplace(master, operation_mode(step, step.master_rounding, 0));
    if (velocity.defined()) {
        v_in.emplace(velocity);
        v_out.emplace(velocity, operation_mode(step, step.state_rounding, 2));
    }
    return sum_over_blocks(weight.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) T w[lane_block], g[lane_block], v[lane_block];
        w_in.copy(begin, count, w);
        g_in.copy(begin, count, g);
        if (v_in && !step.first) v_in->copy(begin, count, v);
        step_block(loop, g, v, w, count);
        std::size_t lost = v_out ? v_out->finish(begin, count, v) : 0;
        if (master_out) {
            lost += master_out->finish(begin, count, w);
            w_in.copy(begin, count, w);  // the weight is rounded from the rounded master
        }
        return lost + weight_out.finish(begin, count, w);
    });
}

std::size_t round_operations(const core::SgdStep& step, Tensor& weight, Tensor& master, Tensor& velocity, const Tensor& gradient) {
    Tensor& held = master.defined() ? master : weight;
    const StepOperations operations(step, {held.format(), master.defined() ? step.master_rounding : step.weight_rounding}, velocity, gradient.format());
    const Reader<double> w_in(held), g_in(gradient);
    const Writer<double> held_out(held, {});  // of values that it holds
    std::optional<Reader<double>> v_in;
    std::optional<Writer<double>> v_out, weight_out;
    if (velocity.defined()) {
        v_in.emplace(velocity);
        v_out.emplace(velocity, RoundingMode{});
    }
    if (master.defined()) weight_out.emplace(weight, operation_mode(step, step.weight_rounding, StepOperations::weight));
    return sum_over_blocks(weight.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) double w[lane_block], g[lane_block], v[lane_block];
        w_in.copy(begin, count, w);
        g_in.copy(begin, count, g);
        if (v_in && !step.first) v_in->copy(begin, count, v);
        const std::size_t lost = operations({begin, count}, g, v, w);
        held_out.finish(begin, count, w);
        if (v_out) v_out->finish(begin, count, v);
        return lost + (weight_out ? weight_out->finish(begin, count, w) : 0);
    });
}

}  // namespace

void CpuBackend::sgd_step(const core::SgdStep& step, Tensor& weight, Tensor& master, Tensor& velocity, const Tensor& gradient) {
    bool wide = !weight.format().exact_in_float32() || !gradient.format().exact_in_float32();
    for (const Tensor* state : {&master, &velocity}) wide |= state->defined() && !state->format().exact_in_float32();
    if (step.rounding != core::StepRounding::results)
        count_nan(round_operations(step, weight, master, velocity, gradient));
    else
        count_nan(wide ? round_results<double>(step, weight, master, velocity, gradient) : round_results<float>(step, weight, master, velocity, gradient));
    weight.storage()->raise_version();
    for (Tensor* state : {&master, &velocity}) {
        if (state->defined()) state->storage()->raise_version();
    }
}

}  // namespace taper
