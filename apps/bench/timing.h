// Timing of two things that are to be compared.
#pragma once

#include <functional>
#include <vector>

namespace taper::bench {

// Seconds of one call.
double time_once(const std::function<void()>& work);

struct Effort {
    double seconds = 2;  // per comparison, about
    int least_pairs = 10;
};
struct Times {
    double a, b;  // the shortest of each, seconds
};
// Runs a and b in turn, after one unmeasured call of each, until the time is used up.  The shortest time of each is kept: whatever else
// the machine does only ever adds to one.
Times time_in_turn(const std::function<void()>& a, const std::function<void()>& b, const Effort& effort);

double median(std::vector<double> values);

}  // namespace taper::bench
