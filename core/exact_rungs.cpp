#include <taper/core/exact_rungs.h>

#include <mutex>

#include <taper/core/rung_counts.h>

namespace taper {

namespace {

struct Counts {
    std::mutex mutex;
    ExactRungs rungs;
};

Counts& counts() {
    static Counts all;
    return all;
}

}  // namespace

ExactRungs& operator+=(ExactRungs& a, const ExactRungs& b) {
    a.integers += b.integers;
    a.float32 += b.float32;
    a.float64 += b.float64;
    a.slices += b.slices;
    a.scalar += b.scalar;
    return a;
}

void count_rungs(const ExactRungs& taken) {
    const std::lock_guard<std::mutex> lock(counts().mutex);
    counts().rungs += taken;
}

ExactRungs exact_rungs() {
    const std::lock_guard<std::mutex> lock(counts().mutex);
    return counts().rungs;
}

void reset_exact_rungs() {
    const std::lock_guard<std::mutex> lock(counts().mutex);
    counts().rungs = {};
}

}  // namespace taper
