// How a real number becomes a code: the rounding modes and what a stochastic one draws from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace taper {

enum class Rounding : std::uint8_t {
    nearest,     // ties to the even code (posits: nearest on the bit string, Posit Standard 2022)
    zero,        // toward zero; a posit below minpos stays minpos unless its format underflows
    stochastic,  // up with probability (x - lo) / (hi - lo), linear in the value
};

std::string name(Rounding mode);
Rounding parse_rounding(std::string_view text);  // throws Error on an unknown name

// Where the 32-bit draws of one stochastic call come from: Philox4x32-10, key = seed, counter = (element index / 4, stream);
// element i takes word i mod 4 (philox.h).  Ignored by the other modes.
struct Draws {
    std::uint64_t seed = 0;
    std::uint64_t stream = 0;
    std::uint64_t first_index = 0;  // index of the first element of the array that is converted
};

struct RoundingMode {
    Rounding mode = Rounding::nearest;
    Draws draws = {};
};

}  // namespace taper
