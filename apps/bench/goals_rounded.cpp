// Sums that are rounded at every step, as parts of the float32 peak of one core.
#include <omp.h>

#include <fmt/format.h>

#include <taper/core/ops.h>
#include <taper/core/random.h>

#include "goal.h"
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
    return part_of_float32_peak(
        static_cast<double>(n * n * n), [&] { operands.multiply(accumulator); }, effort);
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

}  // namespace

std::vector<Goal> rounded_goals() {
    std::vector<Goal> goals;
    const auto add = [&](const char* mode, const char* format, const char* name, double goal) {
        const std::string accumulator = fmt::format("{}({})", mode, format);
        goals.push_back(
            {fmt::format("{}_{}", mode, name), Bound::at_least, goal, [accumulator](const Effort& effort) { return part_of_peak(accumulator, effort); }});
    };
    add("rounded_f32", "fp16", "fp16", 0.13);
    add("rounded_f32", "posit(16,2)", "posit16_2", 0.08);
    add("rounded_f32", "posit(16,1)", "posit16_1", 0.048);
    for (const int es : {0, 1, 2}) add("rounded_f32", fmt::format("posit(8,{})", es).c_str(), fmt::format("posit8_{}", es).c_str(), 0.048);
    add("rounded", "fp16", "fp16", 0.058);
    add("rounded", "posit(16,2)", "posit16_2", 0.035);
    add("rounded", "posit(16,1)", "posit16_1", 0.035);
    for (const int es : {0, 1, 2}) add("rounded", fmt::format("posit(8,{})", es).c_str(), fmt::format("posit8_{}", es).c_str(), 0.023);
    goals.push_back({"rounded_two_threads", Bound::at_least, 1.8, two_threads});
    return goals;
}

}  // namespace taper::bench
