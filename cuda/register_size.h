// RegisterSize: how wide an exact sum of a call can become.
#pragma once

#include <algorithm>

#include <taper/cuda/sum_problem.h>

namespace taper::cuda {

struct RegisterSize {
    int lowest = 0;  // exponent of the last bit
    int limbs = 1;   // of 64 bits
};

// Room for every product, 2^31 terms and more, the bias, and the sums of chunks.
inline RegisterSize register_size(const SumCall& call) {
    const Format &left = call.left.format(), &right = call.right.format();
    int lowest = left.min_exponent() + right.min_exponent(), highest = left.max_exponent() + right.max_exponent() + 2;
    const auto hold = [&](const Format& f) {
        lowest = std::min(lowest, f.min_exponent());
        highest = std::max(highest, f.max_exponent() + 1);
    };
    if (call.bias.defined()) hold(call.bias.format());
    if (call.accumulator.kind() == Accumulator::Kind::chunked) hold(call.accumulator.format());
    constexpr int carries = 34;  // and the sign
    return {lowest, (highest - lowest + carries + 63) / 64};
}

}  // namespace taper::cuda
