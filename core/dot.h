// One dot product of Numbers in any accumulator, with its steps for whoever asks how it came about.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <taper/core/accumulator.h>
#include <taper/formats/number.h>

namespace taper {

// A value under the letter that docs/accumulators.md gives it.
struct DotValue {
    std::string name;              // "a", "b", "a b", "bias", "m", "y", "s", "e", "p", "result"
    std::optional<Number> number;  // none where no code stands for it: exact products and sums, NaN in a format without one
    std::string value;             // exactly: a C hex float of as many digits as it takes, inf, -inf or nan
};

// One step: what was added, and what was kept after it.
//   start   added: bias, if there is one                 kept: s
//   term    added: a, b, a b; then m or y where rounded  kept: s, e of compensated; in chunks p (and e) of the inner sum
//   chunk   added: p                                     kept: s
//   finish  added: s                                     kept: result
struct DotStep {
    enum class Kind : std::uint8_t { start, term, chunk, finish };
    Kind kind;
    std::int64_t index;  // k of a term, the number of a chunk, else 0
    std::vector<DotValue> added, kept;
    std::string str() const;  // in one line: "k = 0: a = 59 0x1.2p+3, b = 48 0x1p+1, a b = 0x1.2p+4; s = 60 0x1p+4"
};

struct DotOptions {
    std::optional<Number> bias = {};
    RoundingMode mode = {};    // of the result; its draws serve a stochastic accumulator too
    std::uint64_t output = 0;  // the number of the output in the draws
};

// sum_k a[k] b[k] + bias, k ascending as SerialSum forms it, rounded into `y`; the steps are appended to `steps` if it is not null.
//   a, b [K], K >= 0, any formats.  NaR and NaN go in and come out.
// Throws Error if the lengths differ, at indices, at a format that float32 does not hold where the accumulator is in float32, and where the
// result is NaN and `y` has no code for it (after the steps are appended).
Number dot(std::span<const Number> a, std::span<const Number> b, const Accumulator& accumulator, const Format& y, const DotOptions& options = {},
           std::vector<DotStep>* steps = nullptr);

}  // namespace taper
