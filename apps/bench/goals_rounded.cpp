// Sums that are rounded at every step, as parts of the float32 peak of one core.
#include <omp.h>

#include <fmt/format.h>

#include <taper/core/ops.h>
#include <taper/core/random.h>

#include "common/precision_options.h"
#include "goal.h"
#include "lenet_step.h"
#include "yardstick.h"

namespace taper::bench {
namespace {

// Activations N(0, 1) and weights N(0, 1/100), [n, n].
struct Operands {
    Tensor activations, weights;
    explicit Operands(std::int64_t n, const Format& format = Format::posit(8, 2)) : activations(randn({n, n}, format)) {
        std::vector<float> values = randn({n, n}).to_vector();
        for (float& v : values) v /= 10;
        weights = Tensor::from(std::span<const float>(values), {n, n}, format);
    }
    void multiply(const Accumulator& accumulator) const { core::matmul(activations, weights, {.accumulator = accumulator}); }
};

Outcome part_of_peak(const std::string& name, const Effort& effort) {
    omp_set_num_threads(1);
    constexpr std::int64_t n = 512;
    const Accumulator accumulator = Accumulator::parse(name);
    const Operands operands(n);
    return part_of_float32_peak(static_cast<double>(n * n * n), [&] { operands.multiply(accumulator); }, effort);
}

// One thread, then two.
Outcome two_threads(const Effort& effort) {
    const Accumulator accumulator = Accumulator::rounded(Format::posit(16, 2));
    const Operands operands(512);
    const auto run = [&](int threads) {
        omp_set_num_threads(threads);
        operands.multiply(accumulator);
    };
    return speed_over([&] { run(1); }, [&] { run(2); }, effort);
}

// A step with the accumulator in all three products of posit(8,2) operands, in units of a float32 step.
Outcome lenet_step(const std::string& name, const Effort& effort) {
    omp_set_num_threads(2);
    apps::PrecisionOptions options{.posit = true};
    options.accumulate = Accumulator::parse(name);
    LenetStep float32({}), rounded(options.precision());
    const auto [plain, ours] = time_in_turn([&] { float32(); }, [&] { rounded(); }, effort);
    return {ours / plain, {}};
}

}  // namespace

std::vector<Goal> rounded_goals() {
    std::vector<Goal> goals;
    const auto add = [&](const std::string& accumulator, double goal) {
        goals.push_back({accumulator, Bound::at_least, goal, [accumulator](const Effort& effort) { return part_of_peak(accumulator, effort); }});
    };
    add("rounded_f32(fp16)", 0.13);
    add("rounded_f32(posit(16,2))", 0.08);
    for (const char* format : {"posit(8,0)", "posit(8,1)", "posit(8,2)", "posit(16,1)"}) add(fmt::format("rounded_f32({})", format), 0.048);
    add("rounded(fp16)", 0.058);
    for (const char* format : {"posit(16,1)", "posit(16,2)"}) add(fmt::format("rounded({})", format), 0.035);
    for (const char* format : {"posit(8,0)", "posit(8,1)", "posit(8,2)"}) add(fmt::format("rounded({})", format), 0.023);
    goals.push_back({"rounded_two_threads", Bound::at_least, 1.8, two_threads});
    // PyTorch's float32 step takes 1.8 of ours, or more (apps/reproduce/step_time.sh); these are 3 and 6 of those.
    const auto step = [&](const char* name, const char* accumulator, double goal) {
        goals.push_back({name, Bound::at_most, goal, [accumulator](const Effort& effort) { return lenet_step(accumulator, effort); }});
    };
    step("lenet_step_rounded_f32_posit16_2", "rounded_f32(posit(16,2))", 5.4);
    step("lenet_step_rounded_posit16_2", "rounded(posit(16,2))", 10.8);
    return goals;
}

}  // namespace taper::bench
