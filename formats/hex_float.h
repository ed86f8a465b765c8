// Doubles as C hex floats.
#pragma once

#include <string>

namespace taper {

// As printf's %a writes x, "nan" for NaN.  Returns the end of what was written; 32 bytes suffice.
char* write_hex_float(double x, char* out);
std::string hex_float(double x);

}  // namespace taper
