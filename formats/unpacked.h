// Unpacked: an exact real number on its way between formats, and the one place where a cut-off rest decides the rounding.
#pragma once

#include <cstdint>

#include <taper/formats/host_device.h>
#include <taper/formats/rounding.h>

namespace taper {

using Wide = unsigned __int128;

enum class Kind : std::uint8_t { zero, finite, infinite, nan };

// finite: (-1)^negative (significand + d) 2^(exponent - 63), bit 63 of significand set; d = 0, or somewhere in (0, 1) if sticky.
// 64 bits and a sticky bit decide every rounding to at most 32 significant bits; rounding to float64 resolves stochastic draws to 2^-11 of a unit.
struct Unpacked {
    Kind kind = Kind::zero;
    bool negative = false;
    bool sticky = false;
    int exponent = 0;
    std::uint64_t significand = 0;
};

TAPER_FN Unpacked unpacked_zero(bool negative) { return {Kind::zero, negative, false, 0, 0}; }
TAPER_FN Unpacked unpacked_infinity(bool negative) { return {Kind::infinite, negative, false, 0, 0}; }
TAPER_FN Unpacked unpacked_nan() { return {Kind::nan, false, false, 0, 0}; }

// (-1)^negative magnitude 2^exponent, exactly or with a rest in (0, 1) of the lowest bit (sticky, which then asks for magnitude >= 2^64).
TAPER_FN Unpacked unpacked_from(bool negative, Wide magnitude, int exponent, bool sticky = false) {
    if (magnitude == 0) return unpacked_zero(negative);
    const std::uint64_t high = static_cast<std::uint64_t>(magnitude >> 64);
    if (high == 0) {
        const std::uint64_t low = static_cast<std::uint64_t>(magnitude);
        const int shift = leading_zeros(low);
        return {Kind::finite, negative, sticky, exponent + 63 - shift, low << shift};
    }
    const int shift = leading_zeros(high);
    const Wide aligned = magnitude << shift;
    return {Kind::finite, negative, sticky || static_cast<std::uint64_t>(aligned) != 0, exponent + 127 - shift, static_cast<std::uint64_t>(aligned >> 64)};
}

// True where a stochastic rounding takes the larger magnitude: that one lies at fraction 1, x at f = (numerator + d) / denominator,
// d in (0, 1) if sticky.  "Up" is up in value: x > 0 grows iff draw < 2^32 f; x < 0 shrinks iff draw < 2^32 (1 - f).
// Exact for numerator < 2^95, denominator <= 2^95, and with a sticky bit where 2^32 divides the denominator.
TAPER_FN bool draw_away(bool negative, std::uint32_t draw, Wide numerator, Wide denominator, bool sticky) {
    const Wide scaled = numerator << 32;
    if (negative) return ((Wide{1} << 32) - draw) * denominator <= scaled;
    const Wide level = draw * denominator;
    return level < scaled || (level == scaled && sticky);
}

// True where kept + (rest + d) / 2^cut rounds to kept + 1; rest < 2^cut, 0 <= cut, rest < 2^64 where cut > 95.
TAPER_FN bool round_away(Rounding mode, bool negative, bool odd, Wide rest, int cut, bool sticky, std::uint32_t draw) {
    if (cut == 0 || (rest == 0 && !sticky) || mode == Rounding::zero) return false;
    if (cut > 95) return mode == Rounding::stochastic && !negative && draw == 0;
    if (mode == Rounding::stochastic) return draw_away(negative, draw, rest, Wide{1} << cut, sticky);
    const Wide half = Wide{1} << (cut - 1);
    return rest > half || (rest == half && (sticky || odd));
}

}  // namespace taper
