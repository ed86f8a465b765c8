// Statistics: how the numbers of a tensor lie in its format — at its ends, at zero, out of it, and by binade.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <taper/core/tensor.h>

namespace taper::core {

// Counts of elements.  Those of a sum of tensors are the sums of theirs.
struct Statistics {
    static constexpr int lowest = -64, highest = 64;
    // [0]: 0 < |x| < 2^lowest; [1 + e - lowest]: 2^e <= |x| < 2^(e+1) for e from lowest to highest; the last: finite |x| >= 2^(highest+1).
    static constexpr std::size_t bins = highest - lowest + 3;

    std::int64_t elements = 0;
    std::int64_t zeros = 0;      // -0 too
    std::int64_t saturated = 0;  // x = the largest or the lowest finite value: what lies beyond is rounded there by formats that saturate, posits among them
    std::int64_t smallest = 0;   // |x| = the smallest positive value: where posits, which never underflow, gather all that is smaller
    std::int64_t infinite = 0;
    std::int64_t nan = 0;  // NaN and NaR
    double sum = 0;        // of finite |x|, in float64
    double max = 0;        // of finite |x|
    std::array<std::int64_t, bins> binades{};

    double mean() const;  // of finite |x|; 0 if there is none
    void add(const Statistics& other);
    friend bool operator==(const Statistics&, const Statistics&) = default;
};

// Of x [any shape], any format but an index format (Error), on any device.  Formats of at most 16 bits: codes are counted, then each code is
// decoded once.
Statistics statistics(const Tensor& x);

// What one rounding lost of finite values, told by the values before it.
struct RoundingLoss {
    std::int64_t flushed = 0;  // nonzero before, zero after
    std::int64_t clipped = 0;  // before: above the largest or below the lowest finite value of the format after
    friend bool operator==(const RoundingLoss&, const RoundingLoss&) = default;
};
// Throws Error if the shapes differ or a format is an index format.
RoundingLoss rounding_loss(const Tensor& before, const Tensor& after);

}  // namespace taper::core
