// Target: a format with a rounding mode, what an op rounds its result into.
#pragma once

#include <cstdint>
#include <optional>

#include <taper/formats/format.h>
#include <taper/formats/rounding.h>

namespace taper {

// A format with a rounding mode: what a role of Precision names and what an op's result is rounded into.
// Converts from a Format, so that `{.weights = p8}` and `matmul(a, b, {.output = p8})` read well.
struct Target {
    Format format;
    Rounding rounding = Rounding::nearest;
    Target() = default;
    Target(const Format& f, Rounding r = Rounding::nearest) : format(f), rounding(r) {}  // NOLINT: implicit on purpose
    friend bool operator==(const Target&, const Target&) = default;
};

// Unset: the operands' format.
using Output = std::optional<Target>;

// What follows the one rounding of a product or a norm, in the same pass.  relu: y = max(y, 0), NaN and NaR staying: the bits of unary(Unary::relu, y).
enum class Activation : std::uint8_t { none, relu };

}  // namespace taper
