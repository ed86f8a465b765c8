#include "goals.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "goal.h"

namespace taper::bench {
namespace {

// Every topic's goals, in the order in which they are measured.
std::vector<Goal> goals() {
    std::vector<Goal> all;
    for (const auto topic : {convert_goals, float32_goals, exact_goals, rounded_goals, training_goals})
        for (Goal& goal : topic()) all.push_back(std::move(goal));
    return all;
}

// Whether the goal is met; a skipped one counts as met.
bool run_goal(const Goal& goal, const Effort& effort) {
    const int threads = omp_get_max_threads();
    Outcome outcome = goal.measure(effort);
    omp_set_num_threads(threads);
    if (outcome.ratio) outcome.ratio = std::round(*outcome.ratio * 1000) / 1000;  // what is printed decides
    const std::string wanted = fmt::format("{}{:.{}f}", goal.bound == Bound::at_most ? "<=" : "", goal.goal, goal.goal < 0.1 ? 3 : 2);
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
