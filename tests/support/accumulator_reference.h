// The tests' own sums of products: every accumulator by its recurrence on exact rationals.  Shares nothing with core/serial_sum.
#pragma once

#include <cstdint>
#include <memory>

#include <taper/core/accumulator.h>
#include <taper/formats/rounding.h>

#include "support/exact_reference.h"

namespace taper::tests {

// The reference of a format by its name, made once.
const Reference& reference_of(const Format& format);

// x rounded into `format`: up iff draw < 2^32 (x - lo) / (hi - lo) where stochastic.
std::uint64_t round_code(const Reference& format, const Exact& x, Rounding mode, std::uint32_t draw);

// One sum, term by term.  After any number of terms sum() and code() tell what the sum of these is; more may follow.
class ReferenceSum {
  public:
    // Draws of a stochastic accumulator: Philox, key = seed, counter words = (output, k, stream, output >> 32).
    explicit ReferenceSum(const Accumulator& accumulator, std::uint64_t seed = 0, std::uint64_t stream = 0);

    void start(std::uint64_t output, const Exact& bias = {});
    void add(const Exact& a, const Exact& b);

    Exact sum() const;      // s, an open chunk closed
    Exact partial() const;  // p of the chunk that the last term belongs to; 0 without terms or chunks
    Exact compensation() const { return e_; }
    std::uint64_t code(const Format& y, const RoundingMode& mode = {}) const;

  private:
    Exact r(const Exact& x, int word) const;  // into the accumulator's format, with a draw of step k
    std::uint32_t draw(std::uint32_t k, std::uint64_t stream, int word) const;
    Exact closed() const;

    Accumulator accumulator_;
    std::uint64_t seed_, stream_, output_ = 0;
    std::uint32_t k_ = 0;
    Exact s_, e_;
    std::unique_ptr<ReferenceSum> inner_;  // of chunked
};

}  // namespace taper::tests
