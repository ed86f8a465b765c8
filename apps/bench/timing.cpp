#include "timing.h"

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace taper::bench {

double time_once(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Times time_in_turn(const std::function<void()>& a, const std::function<void()>& b, const Effort& effort) {
    a();
    b();
    Times best{time_once(a), time_once(b)};
    double used = best.a + best.b;
    for (int pairs = 1; pairs < effort.least_pairs || used < effort.seconds; ++pairs) {
        const Times now{time_once(a), time_once(b)};
        best = {std::min(best.a, now.a), std::min(best.b, now.b)};
        used += now.a + now.b;
    }
    return best;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace taper::bench
