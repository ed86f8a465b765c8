// Binary floats of e exponent bits and m mantissa bits: IEEE-like float(e, m), and the OCP and FNUZ elements of machine learning.
//
//   | sign | e exponent bits E | m mantissa bits M |      value = 2^(E - bias) (1 + M / 2^m), or 2^(1 - bias) M / 2^m where E = 0
//
// bias = 2^(e-1) - 1, one more for FNUZ.  Sources: IEEE 754-2019, OCP 8-bit Floating Point (OFP8) 1.0, OCP Microscaling 1.0.
// Invariants: positive codes are ordered like their values; -0 exists and keeps its sign (FNUZ has none);
// overflow is decided after rounding with unbounded exponent.
#pragma once

#include <cstdint>

#include <taper/formats/host_device.h>
#include <taper/formats/lane.h>
#include <taper/formats/unpacked.h>

namespace taper {

enum class Specials : std::uint8_t {
    ieee,    // the all-ones exponent is infinity (M = 0) or NaN
    fn,      // no infinity; all bits one but the sign is NaN
    fnuz,    // no infinity, no -0; the code of -0 is NaN
    finite,  // neither infinity nor NaN
};

// What becomes of a value beyond the largest, and of infinities.  ieee: the format's standard, infinity, else NaN, else the largest value;
// saturate: the largest value (",sat"); NaN stays NaN.
enum class Overflow : std::uint8_t { ieee, saturate };

struct Minifloat {
    std::uint8_t exponent = 5;
    std::uint8_t mantissa = 10;
    Specials specials = Specials::ieee;
    Overflow overflow = Overflow::ieee;

    friend bool operator==(const Minifloat&, const Minifloat&) = default;

    TAPER_FN int bits() const { return 1 + exponent + mantissa; }
    TAPER_FN int bias() const { return (1 << (exponent - 1)) - (specials == Specials::fnuz ? 0 : 1); }
    TAPER_FN std::uint64_t sign_bit() const { return std::uint64_t{1} << (exponent + mantissa); }
    TAPER_FN std::uint64_t infinity_code() const { return sign_bit() - (std::uint64_t{1} << mantissa); }  // where it has one
    TAPER_FN std::uint64_t max_code() const {
        return specials == Specials::ieee ? infinity_code() - 1 : specials == Specials::fn ? sign_bit() - 2 : sign_bit() - 1;
    }
    TAPER_FN std::uint64_t min_positive_code() const { return 1; }
    TAPER_FN bool has_nan() const { return specials != Specials::finite; }
    TAPER_FN std::uint64_t nan_code() const {
        if (specials == Specials::ieee) return infinity_code() | (std::uint64_t{1} << (mantissa - 1));
        return specials == Specials::fn ? sign_bit() - 1 : specials == Specials::fnuz ? sign_bit() : 0;
    }
    // Where |x| beyond the largest value goes, and an infinite x.
    TAPER_FN std::uint64_t overflow_code() const {
        if (overflow == Overflow::saturate || specials == Specials::finite) return max_code();
        return specials == Specials::ieee ? infinity_code() : nan_code();
    }
    TAPER_FN int significand_bits() const { return exponent == 1 ? mantissa : mantissa + 1; }
    TAPER_FN int lowest_exponent() const { return 1 - bias(); }  // of normal numbers
    TAPER_FN int min_exponent() const { return lowest_exponent() - mantissa; }

    TAPER_FN Unpacked unpack(std::uint64_t code) const;
    TAPER_FN std::uint64_t pack(const Unpacked& x, Rounding mode, std::uint32_t draw) const;

  private:
    TAPER_FN std::uint64_t signed_code(std::uint64_t magnitude, bool negative) const {
        const bool unsigned_code = specials == Specials::fnuz && (magnitude == 0 || magnitude == sign_bit());
        return negative && !unsigned_code ? magnitude | sign_bit() : magnitude;
    }
};

TAPER_FN Unpacked Minifloat::unpack(std::uint64_t code) const {
    const bool negative = (code & sign_bit()) != 0;
    const std::uint64_t magnitude = code & (sign_bit() - 1);
    if (specials == Specials::fnuz && code == sign_bit()) return unpacked_nan();
    if (specials == Specials::ieee && magnitude == infinity_code()) return unpacked_infinity(negative);
    if (magnitude > max_code()) return unpacked_nan();
    const int field = static_cast<int>(magnitude >> mantissa);
    const std::uint64_t leading = std::uint64_t{1} << mantissa;
    const std::uint64_t significand = field == 0 ? magnitude : (magnitude & (leading - 1)) | leading;
    return unpacked_from(negative, significand, (field == 0 ? 1 : field) - bias() - mantissa);
}

TAPER_FN std::uint64_t Minifloat::pack(const Unpacked& x, Rounding mode, std::uint32_t draw) const {
    if (x.kind == Kind::zero) return signed_code(0, x.negative);
    if (x.kind == Kind::nan) return nan_code();
    if (x.kind == Kind::infinite) return signed_code(overflow_code(), x.negative);
    const std::uint64_t beyond = mode == Rounding::nearest ? overflow_code() : max_code();
    const int above = x.exponent - lowest_exponent();
    if (above >= 1 << exponent) return signed_code(beyond, x.negative);
    const int cut = 63 - mantissa + (above < 0 ? -above : 0);
    const std::uint64_t kept = cut < 64 ? x.significand >> cut : 0;
    const std::uint64_t rest = cut < 64 ? x.significand & ((std::uint64_t{1} << cut) - 1) : x.significand;
    std::uint64_t magnitude = kept + (static_cast<std::uint64_t>(above > 0 ? above : 0) << mantissa);
    if (mode != Rounding::nearest && magnitude >= max_code()) return signed_code(max_code(), x.negative);
    magnitude += round_away(mode, x.negative, (kept & 1) != 0, rest, cut, x.sticky, draw);
    return signed_code(magnitude > max_code() ? beyond : magnitude, x.negative);
}

// One lane of encode, branch-free: rounding on the bits for normal results, by adding a constant for subnormal ones.
template <class Real>
struct MinifloatEncodeLane {
    using Int = typename Lane<Real>::Int;
    using UInt = typename Lane<Real>::UInt;
    static constexpr int width = Lane<Real>::width, fraction = Lane<Real>::fraction;
    Int max_code, overflow_code, infinite_code, nan_code, subnormal_below, rebias;
    Int half_less_one, odd_mask, minus_zero;
    Real magic;
    int cut, sign_shift;

    TAPER_FN MinifloatEncodeLane(const Minifloat& f, Rounding mode)
        : max_code(static_cast<Int>(f.max_code())), overflow_code(static_cast<Int>(mode == Rounding::nearest ? f.overflow_code() : f.max_code())),
          infinite_code(static_cast<Int>(f.overflow_code())), nan_code(static_cast<Int>(f.nan_code())),
          subnormal_below(bits_as<Int>(power_of_two<Real>(f.lowest_exponent()))),
          rebias(static_cast<Int>(Lane<Real>::bias - f.bias()) * (Int{1} << f.mantissa)), half_less_one(0), odd_mask(0),
          minus_zero(f.specials == Specials::fnuz ? 0 : static_cast<Int>(f.sign_bit())),
          magic(power_of_two<Real>(f.min_exponent() + fraction)), cut(fraction - f.mantissa), sign_shift(width - f.bits()) {
        if (mode == Rounding::nearest && cut > 0) {
            half_less_one = (Int{1} << (cut - 1)) - 1;
            odd_mask = 1;
        }
    }

    template <Rounding mode>
    TAPER_FN UInt encode(Real x) const {
        const Int u = bits_as<Int>(x);
        const Int a = u & ~(Int{1} << (width - 1));
        const UInt lifted = static_cast<UInt>(a) + static_cast<UInt>(half_less_one) + ((static_cast<UInt>(a) >> cut) & static_cast<UInt>(odd_mask));
        const Int normal = static_cast<Int>(lifted >> cut) - rebias;
        const Real shifted = bits_as<Real>(a) + magic;  // a unit of its last place is the smallest subnormal
        Int subnormal = bits_as<Int>(shifted) - bits_as<Int>(magic);
        if constexpr (mode == Rounding::zero) subnormal -= shifted - magic > bits_as<Real>(a) ? 1 : 0;
        Int code = a < subnormal_below ? subnormal : normal;
        code = code > max_code ? overflow_code : code;
        code = a == Lane<Real>::infinity ? infinite_code : code;
        const Int sign = static_cast<Int>((static_cast<UInt>(u) >> (width - 1)) << (width - 1 - sign_shift));
        const Int result = (minus_zero == 0 && (code == 0 || code == nan_code)) ? code : (code | sign);
        return static_cast<UInt>(a > Lane<Real>::infinity ? nan_code : result);
    }
};

// One lane of decode of an IEEE-like float (Specials::ieee).
template <class Real>
struct MinifloatDecodeLane {
    using UInt = typename Lane<Real>::UInt;
    static constexpr int width = Lane<Real>::width, fraction = Lane<Real>::fraction;
    UInt magnitude_mask, infinity_code, rebias, normal_from;
    Real step;
    int cut, sign_shift;

    // Where the exponent ranges agree, subnormals are the lane's own and no code takes the other path.
    TAPER_FN explicit MinifloatDecodeLane(const Minifloat& f)
        : magnitude_mask(static_cast<UInt>(f.sign_bit() - 1)), infinity_code(static_cast<UInt>(f.infinity_code())),
          rebias(static_cast<UInt>(Lane<Real>::bias - f.bias()) << fraction), normal_from(rebias == 0 ? 0 : UInt{1} << f.mantissa),
          step(rebias == 0 ? Real{1} : power_of_two<Real>(f.min_exponent())), cut(fraction - f.mantissa), sign_shift(width - f.bits()) {}

    TAPER_FN Real decode(std::uint32_t code) const {
        const UInt magnitude = static_cast<UInt>(code) & magnitude_mask;
        const UInt sign = (static_cast<UInt>(code) ^ magnitude) << sign_shift;
        const UInt normal = (magnitude << cut) + rebias;
        const UInt subnormal = bits_as<UInt>(static_cast<Real>(static_cast<std::int32_t>(magnitude)) * step);
        UInt y = magnitude >= normal_from ? normal : subnormal;
        y = magnitude >= infinity_code ? static_cast<UInt>(Lane<Real>::infinity) : y;
        return bits_as<Real>((magnitude > infinity_code ? Lane<Real>::quiet_nan : y) | sign);
    }
};

}  // namespace taper
