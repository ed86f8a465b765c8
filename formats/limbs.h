// Limbs: two's complement integers of many 64-bit limbs, least significant first; the registers of exact sums.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <taper/formats/unpacked.h>

namespace taper {

using Limbs = std::vector<std::uint64_t>;  // not empty

inline bool is_negative(const Limbs& x) { return static_cast<std::int64_t>(x.back()) < 0; }
void negate(Limbs& x);  // modulo 2^(64 size)

// x += (-1)^negative magnitude 2^bit, modulo 2^(64 size); bit >= 0.
void add_shifted(Limbs& x, bool negative, Wide magnitude, int bit);

// x 2^lsb as a number that remains to be rounded; 0 is +0.
Unpacked unpacked_from(const Limbs& x, int lsb);

// x 2^lsb as a C hex float of as many digits as it takes: "-0x1.000000000000000001p+48"; 0 is "0x0p+0".
std::string hex_float(const Limbs& x, int lsb);

}  // namespace taper
