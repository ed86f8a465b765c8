// E8M0, the scale type of OCP Microscaling 1.0: code c < 255 is 2^(c - 127), 255 is NaN; no zero, no sign.
// Conventions where the standard is silent: zero gives 00, +infinity and overflow fe, negative values and NaN ff; toward zero is the floor.
// Nearest is to the nearer value, a tie to the even code.
#pragma once

#include <cstdint>

#include <taper/formats/host_device.h>
#include <taper/formats/lane.h>
#include <taper/formats/unpacked.h>

namespace taper {

struct E8M0 {
    friend bool operator==(const E8M0&, const E8M0&) = default;

    TAPER_FN int bits() const { return 8; }
    TAPER_FN std::uint64_t max_code() const { return 0xfe; }
    TAPER_FN std::uint64_t min_positive_code() const { return 0; }
    TAPER_FN bool has_nan() const { return true; }
    TAPER_FN int significand_bits() const { return 1; }
    TAPER_FN int min_exponent() const { return -127; }

    TAPER_FN Unpacked unpack(std::uint64_t code) const {
        if (code == 0xff) return unpacked_nan();
        return {Kind::finite, false, false, static_cast<int>(code) - 127, std::uint64_t{1} << 63};
    }

    TAPER_FN std::uint64_t pack(const Unpacked& x, Rounding mode, std::uint32_t draw) const {
        if (x.kind == Kind::zero) return 0;
        if (x.kind == Kind::nan || x.negative) return 0xff;
        if (x.kind == Kind::infinite || x.exponent >= 127) return 0xfe;
        if (x.exponent < -127) return 0;
        const std::uint64_t low = static_cast<std::uint64_t>(x.exponent + 127);
        return low + round_away(mode, false, (low & 1) != 0, x.significand & ~(std::uint64_t{1} << 63), 63, x.sticky, draw);
    }
};

// One lane of encode; float32 goes through double, where every value of it is normal.
struct E8M0EncodeLane {
    TAPER_FN E8M0EncodeLane(const E8M0&, Rounding) {}

    template <Rounding mode>
    TAPER_FN std::uint64_t encode(double x) const {
        const std::int64_t u = bits_as<std::int64_t>(x);
        std::uint64_t lifted = static_cast<std::uint64_t>(u);
        if constexpr (mode == Rounding::nearest) lifted += (std::uint64_t{1} << 51) - 1 + ((lifted >> 52) & 1);
        // Below the smallest value all goes up to it; a nearest tie between codes is a tie of exponents, whose parities agree (1023 - 127 is even).
        std::int64_t r = u < (std::int64_t{896} << 52) ? 0 : static_cast<std::int64_t>(lifted >> 52) - 896;
        r = r > 0xfe ? 0xfe : r;
        const bool is_nan = u > Lane<double>::infinity || (u < 0 && u != INT64_MIN);
        return static_cast<std::uint64_t>(is_nan ? 0xff : r);
    }
};

}  // namespace taper
