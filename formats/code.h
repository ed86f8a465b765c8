// Between the codes of a format and exact numbers, the constant scale included: what every exact path rounds by.
#pragma once

#include <cstdint>

#include <taper/formats/format.h>
#include <taper/formats/rounding.h>
#include <taper/formats/unpacked.h>

namespace taper {

// x 2^by.
inline Unpacked times_power_of_two(Unpacked x, int by) {
    x.exponent += by;
    return x;
}

// The value of a code.
inline Unpacked unpack_code(const Format& format, std::uint64_t code) {
    return visit(format, [&](const auto& family) { return times_power_of_two(family.unpack(code), format.scale_exponent()); });
}

// x rounded once into the format.  `draw` is used by stochastic rounding alone.
inline std::uint64_t pack_code(const Format& format, const Unpacked& x, Rounding mode, std::uint32_t draw) {
    return visit(format, [&](const auto& family) { return family.pack(times_power_of_two(x, -format.scale_exponent()), mode, draw); });
}

}  // namespace taper
