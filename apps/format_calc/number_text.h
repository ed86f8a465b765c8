// Numbers from text: decimals, C hex floats, bits and codes, read exactly.
#pragma once

#include <cstdint>
#include <string_view>

#include <taper/formats/format.h>

namespace taper::calc {

// The exact value of a decimal (2.5, -1e-3), a C hex float (0x1.8p+3), inf, nan, or bits (f32:3f800000, f64:3ff0000000000000):
// its first 64 significant bits and whether anything follows, so that one rounding remains.
// Beyond 10^1600 and below 10^-1600 some number of that size stands for the value: every format rounds both alike.
// Throws Error on anything else.
Unpacked parse_number(std::string_view text);

// A code of the format: hexadecimal digits without 0x.  Throws Error on anything else, and on bits beyond the format.
std::uint64_t parse_code(std::string_view text, const Format& format);

}  // namespace taper::calc
