// Goal: one promised speed, and how a topic file (goals_*.cpp) states its own.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "timing.h"

namespace taper::bench {

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
    std::function<Outcome(const Effort&)> measure;  // may set the number of threads: run_goals restores it
};

// The goals of each topic file.  A new file declares its function here and is joined to the list in goals.cpp.
std::vector<Goal> convert_goals();
std::vector<Goal> float32_goals();
std::vector<Goal> exact_goals();
std::vector<Goal> rounded_goals();
std::vector<Goal> training_goals();

// Speed of `ours` in units of that of `theirs`: times measured in turn.
inline Outcome speed_over(const std::function<void()>& theirs, const std::function<void()>& ours, const Effort& effort) {
    const auto [their_time, our_time] = time_in_turn(theirs, ours, effort);
    return {their_time / our_time, {}};
}

}  // namespace taper::bench
