// Numbers as text: decimals and C hex floats read exactly, doubles written as C hex floats.
#pragma once

#include <string_view>

#include <taper/formats/unpacked.h>

namespace taper::calc {

// The exact value of a decimal (2.5, -1e-3), a C hex float (0x1.8p+3), inf, nan, or bits (f32:3f800000, f64:3ff0000000000000):
// its first 64 significant bits and whether anything follows, so that one rounding remains.
// Beyond 10^1600 and below 10^-1600 some number of that size stands for the value: every format rounds both alike.
// Throws Error on anything else.
Unpacked parse_number(std::string_view text);

// As printf's %a writes x, "nan" for NaN.  Returns the end of what was written; 32 bytes suffice.
char* write_hex_float(double x, char* out);

}  // namespace taper::calc
