#include "goals.h"

#include <omp.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include <taper/core/ops.h>
#include <taper/core/random.h>
#include <taper/formats/convert.h>

#include "common/precision_options.h"
#include "lenet_step.h"
#include "yardstick.h"

namespace taper::bench {
namespace {

// Either a ratio, or why there is none.
struct Outcome {
    std::optional<double> ratio;
    std::string skipped;
};
enum class Bound { at_least, at_most };
struct Goal {
    std::string name;
    Bound bound;
    double goal;
    std::function<Outcome(const Effort&)> measure;
};

constexpr std::size_t dram_elements = std::size_t{16} << 20;

Outcome encode_dram(const Effort& effort) {
    const std::vector<float> x = randn({static_cast<std::int64_t>(dram_elements)}).to_vector();
    std::vector<std::uint8_t> codes(dram_elements), copied(dram_elements);
    const Format format = Format::posit(8, 1);
    const auto [copy, ours] = time_in_turn([&] { narrowing_copy(reinterpret_cast<const std::uint32_t*>(x.data()), dram_elements, copied.data()); },
                                           [&] { encode(format, x.data(), dram_elements, codes.data()); }, effort);
    return {copy / ours, {}};
}

Outcome decode_dram(const Effort& effort) {
    std::vector<std::uint8_t> codes(dram_elements);
    for (std::size_t i = 0; i < dram_elements; ++i) codes[i] = static_cast<std::uint8_t>(i * 2654435761u >> 16);
    std::vector<float> y(dram_elements), copied(dram_elements);
    const Format format = Format::posit(8, 1);
    const auto [copy, ours] = time_in_turn([&] { widening_copy(codes.data(), dram_elements, reinterpret_cast<std::uint32_t*>(copied.data())); },
                                           [&] { decode(format, codes.data(), dram_elements, y.data()); }, effort);
    return {copy / ours, {}};
}

Outcome gemm(int n, const Effort& effort) {
    const OpenBlas blas;
    if (!blas.found()) return {{}, "no libopenblas.so.0 here"};
    omp_set_num_threads(1);
    const Tensor a = randn({n, n}), b = randn({n, n});
    const Tensor a8 = a.to(Format::posit(8, 2)), b8 = b.to(Format::posit(8, 2));
    const std::vector<float> a32 = a.to_vector(), b32 = b.to_vector();
    std::vector<float> c(a32.size());
    const auto [theirs, ours] = time_in_turn([&] { blas.multiply(n, a32.data(), b32.data(), c.data()); }, [&] { core::matmul(a8, b8); }, effort);
    return {theirs / ours, {}};
}

Outcome lenet_step(const Effort& effort) {
    omp_set_num_threads(2);
    LenetStep float32({}), posit({.precision = apps::posit_mix()});
    const auto [plain, ours] = time_in_turn([&] { float32(); }, [&] { posit(); }, effort);
    return {ours / plain, {}};
}

std::vector<Goal> goals() {
    std::vector<Goal> all{
        {"encode_posit8_1_dram", Bound::at_least, 0.50, encode_dram},
        {"decode_posit8_1_dram", Bound::at_least, 0.65, decode_dram},
    };
    for (const int n : {256, 512, 1024})
        all.push_back({fmt::format("gemm_posit8_2_{}", n), Bound::at_least, 0.75, [n](const Effort& effort) { return gemm(n, effort); }});
    all.push_back({"lenet_step_posit8_over_float32", Bound::at_most, 1.20, lenet_step});
    return all;
}

// Whether the goal is met; a skipped one counts as met.
bool run_goal(const Goal& goal, const Effort& effort) {
    const int threads = omp_get_max_threads();
    const Outcome outcome = goal.measure(effort);
    omp_set_num_threads(threads);
    const std::string wanted = fmt::format("{}{:.2f}", goal.bound == Bound::at_most ? "<=" : "", goal.goal);
    const bool ok = !outcome.ratio || (goal.bound == Bound::at_most ? *outcome.ratio <= goal.goal : *outcome.ratio >= goal.goal);
    if (outcome.ratio)
        fmt::print("{} {:.3f} {} {}\n", goal.name, *outcome.ratio, wanted, ok ? "ok" : "short");
    else
        fmt::print("{} - {} skipped ({})\n", goal.name, wanted, outcome.skipped);
    std::fflush(stdout);
    return ok;
}

}  // namespace

std::vector<std::string> goal_names() {
    std::vector<std::string> names;
    for (const Goal& goal : goals()) names.push_back(goal.name);
    return names;
}

int run_goals(const std::vector<std::string>& names, const Effort& effort) {
    const std::vector<std::string> known = goal_names();
    for (const std::string& name : names) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        fmt::print(stderr, "bench: unknown goal: {} (want one of {})\n", name, fmt::join(known, ", "));
        return 2;
    }
    bool all_met = true;
    for (const Goal& goal : goals())
        if (names.empty() || std::find(names.begin(), names.end(), goal.name) != names.end()) all_met = run_goal(goal, effort) && all_met;
    return all_met ? 0 : 1;
}

}  // namespace taper::bench
