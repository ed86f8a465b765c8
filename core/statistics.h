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

// How many finite values lie out of a format's range: what rounding into it takes from them depends on the format.
struct OutOfRange {
    std::int64_t underflow = 0;  // 0 < |x| < the smallest positive value: becomes that or 0
    std::int64_t overflow = 0;   // above the largest or below the lowest finite value: becomes that, an infinity or NaN
    void add(const OutOfRange& other);
    friend bool operator==(const OutOfRange&, const OutOfRange&) = default;
};
// Throws Error if a format is an index format.
OutOfRange out_of_range(const Tensor& x, const Format& format);

}  // namespace taper::core
