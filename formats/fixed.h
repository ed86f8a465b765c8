// Fixed point of `word` bits with `fraction` of them behind the point: two's complement k, value k 2^-fraction; 1 <= word <= 24.
// Nearest takes a tie to the even k; values beyond the ends and infinities take the end; there is no code for NaN.
#pragma once

#include <cstdint>

#include <taper/formats/host_device.h>
#include <taper/formats/lane.h>
#include <taper/formats/unpacked.h>

namespace taper {

// full: k in [-2^(word-1), 2^(word-1) - 1]; symmetric: without -2^(word-1).
enum class FixedRange : std::uint8_t { full, symmetric };

struct Fixed {
    std::uint8_t word = 8;
    std::int8_t fraction = 4;
    FixedRange range = FixedRange::full;

    friend bool operator==(const Fixed&, const Fixed&) = default;

    TAPER_FN int bits() const { return word; }
    TAPER_FN std::uint64_t mask() const { return (std::uint64_t{1} << word) - 1; }
    TAPER_FN std::int64_t high() const { return (std::int64_t{1} << (word - 1)) - 1; }
    TAPER_FN std::int64_t low() const { return range == FixedRange::full ? -high() - 1 : -high(); }
    TAPER_FN std::uint64_t max_code() const { return static_cast<std::uint64_t>(high()); }
    TAPER_FN std::uint64_t min_positive_code() const { return 1; }
    TAPER_FN bool has_nan() const { return false; }
    TAPER_FN int significand_bits() const { return word > 1 ? word - 1 : 1; }
    TAPER_FN int min_exponent() const { return -fraction; }

    TAPER_FN Unpacked unpack(std::uint64_t code) const {
        const std::int64_t k = static_cast<std::int64_t>(code << (64 - word)) >> (64 - word);
        return unpacked_from(k < 0, static_cast<std::uint64_t>(k < 0 ? -k : k), -fraction);
    }

    TAPER_FN std::uint64_t pack(const Unpacked& x, Rounding mode, std::uint32_t draw) const {
        if (x.kind == Kind::zero || x.kind == Kind::nan) return 0;
        const std::int64_t end = x.negative ? -low() : high();
        std::int64_t magnitude = end;
        if (x.kind == Kind::finite && x.exponent + fraction < word) {
            const int cut = 63 - fraction - x.exponent;
            const std::uint64_t kept = cut < 64 ? x.significand >> cut : 0;
            const std::uint64_t rest = cut < 64 ? x.significand & ((std::uint64_t{1} << cut) - 1) : x.significand;
            magnitude = static_cast<std::int64_t>(kept) + round_away(mode, x.negative, (kept & 1) != 0, rest, cut, x.sticky, draw);
            magnitude = magnitude > end ? end : magnitude;
        }
        return static_cast<std::uint64_t>(x.negative ? -magnitude : magnitude) & mask();
    }
};

// One lane of encode: scale, clamp, round; all three exact but for the rounding.
template <class Real>
struct FixedEncodeLane {
    Real scale, low, high;
    std::uint32_t mask;

    TAPER_FN FixedEncodeLane(const Fixed& f, Rounding)
        : scale(power_of_two<Real>(f.fraction)), low(static_cast<Real>(f.low())), high(static_cast<Real>(f.high())), mask(static_cast<std::uint32_t>(f.mask())) {}

    template <Rounding mode>
    TAPER_FN std::uint32_t encode(Real x) const {
        Real v = x * scale;
        v = v < low ? low : v;
        v = v > high ? high : v;
        v = v == v ? v : Real{0};
        if constexpr (mode == Rounding::nearest) {
            // |v| <= 2^23: adding 2^fraction leaves a unit of 1 in the last place.
            constexpr Real magic = static_cast<Real>(typename Lane<Real>::UInt{1} << Lane<Real>::fraction);
            const Real r = ((v < 0 ? -v : v) + magic) - magic;
            v = v < 0 ? -r : r;
        }
        return static_cast<std::uint32_t>(static_cast<std::int32_t>(v)) & mask;
    }
};

template <class Real>
struct FixedDecodeLane {
    Real step;
    int unused;

    TAPER_FN explicit FixedDecodeLane(const Fixed& f) : step(power_of_two<Real>(-f.fraction)), unused(32 - f.word) {}

    TAPER_FN Real decode(std::uint32_t code) const {
        return static_cast<Real>(static_cast<std::int32_t>(code << unused) >> unused) * step;
    }
};

}  // namespace taper
