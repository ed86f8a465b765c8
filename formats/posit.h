// Posits of n bits with es exponent bits (Posit Standard 2022, generalised to any es): 2 <= n <= 32, 0 <= es <= 4.
//
//   | sign | regime: run of equal bits, then their opposite | es exponent bits | fraction |      bits cut off at the end count as 0
//
// value = 2^(k 2^es + e) (1 + f), k = run - 1 for ones, -run for zeros; a negative code is the two's complement of the positive one.
// Invariants: 0...0 is 0; 10...0 is NaR; codes as signed integers are ordered like their values; negation is two's complement;
// rounding is to nearest on the bit string, ties to the even code, never to zero (but see Underflow) and never to NaR.
#pragma once

#include <cstdint>

#include <taper/formats/host_device.h>
#include <taper/formats/lane.h>
#include <taper/formats/unpacked.h>

namespace taper {

// Where 0 < |x| < minpos goes.  to_zero: nearest |x| <= minpos / 2 to 0; toward zero all to 0; stochastic to 0 or minpos in proportion.
enum class Underflow : std::uint8_t { to_minpos, to_zero };

struct Posit {
    std::uint8_t n = 8;
    std::uint8_t es = 2;
    Underflow underflow = Underflow::to_minpos;

    friend bool operator==(const Posit&, const Posit&) = default;

    TAPER_FN int bits() const { return n; }
    TAPER_FN int top() const { return (n - 2) << es; }  // log2(maxpos) = -log2(minpos)
    TAPER_FN std::uint64_t mask() const { return (std::uint64_t{1} << n) - 1; }
    TAPER_FN std::uint64_t nar() const { return std::uint64_t{1} << (n - 1); }
    TAPER_FN std::uint64_t max_code() const { return nar() - 1; }
    TAPER_FN std::uint64_t min_positive_code() const { return 1; }
    TAPER_FN bool has_nan() const { return true; }
    TAPER_FN int significand_bits() const { return n - 2 - es > 1 ? n - 2 - es : 1; }
    TAPER_FN int min_exponent() const { return -top(); }

    TAPER_FN Unpacked unpack(std::uint64_t code) const;
    TAPER_FN std::uint64_t pack(const Unpacked& x, Rounding mode, std::uint32_t draw) const;

  private:
    TAPER_FN std::uint64_t below_minpos(const Unpacked& x, Rounding mode, std::uint32_t draw) const;
    TAPER_FN std::uint64_t within_range(const Unpacked& x, Rounding mode, std::uint32_t draw) const;
};

TAPER_FN Unpacked Posit::unpack(std::uint64_t code) const {
    if (code == 0) return unpacked_zero(false);
    if (code == nar()) return unpacked_nan();
    const bool negative = (code & nar()) != 0;
    const std::uint64_t magnitude = (negative ? ~code + 1 : code) & mask();
    const std::uint64_t body = magnitude << (65 - n);  // regime first
    const bool ones = (body >> 63) != 0;
    const int run = leading_zeros(ones ? ~body : body);
    const std::uint64_t rest = body << run << 1;
    const int e = es == 0 ? 0 : static_cast<int>(rest >> (64 - es));
    const int k = ones ? run - 1 : -run;
    return {Kind::finite, negative, false, k * (1 << es) + e, (std::uint64_t{1} << 63) | (rest << es >> 1)};
}

TAPER_FN std::uint64_t Posit::pack(const Unpacked& x, Rounding mode, std::uint32_t draw) const {
    if (x.kind == Kind::zero) return 0;
    if (x.kind != Kind::finite) return nar();
    const std::uint64_t magnitude =
        x.exponent >= top() ? max_code() : x.exponent < -top() ? below_minpos(x, mode, draw) : within_range(x, mode, draw);
    return (x.negative ? ~magnitude + 1 : magnitude) & mask();
}

TAPER_FN std::uint64_t Posit::below_minpos(const Unpacked& x, Rounding mode, std::uint32_t draw) const {
    if (underflow == Underflow::to_minpos) return 1;
    return round_away(mode, x.negative, false, x.significand, 63 - top() - x.exponent, x.sticky, draw) ? 1 : 0;
}

// minpos <= |x| < maxpos: the bit string is at most 33 + 4 + 63 bits long; its first n - 1 bits are the neighbour toward zero.
TAPER_FN std::uint64_t Posit::within_range(const Unpacked& x, Rounding mode, std::uint32_t draw) const {
    const int k = x.exponent >> es;
    const int regime_length = k >= 0 ? k + 2 : 1 - k;
    const std::uint64_t regime = k >= 0 ? (std::uint64_t{2} << (k + 1)) - 2 : 1;
    const std::uint64_t e = static_cast<std::uint64_t>(x.exponent - k * (1 << es));
    const std::uint64_t fraction = x.significand & ~(std::uint64_t{1} << 63);
    const Wide string = (Wide{regime} << (es + 63)) | (Wide{e} << 63) | fraction;
    const int cut = regime_length + es + 63 - (n - 1);
    const std::uint64_t low = static_cast<std::uint64_t>(string >> cut);
    const Wide rest = string & ((Wide{1} << cut) - 1);
    if (mode != Rounding::stochastic || cut <= 63) return low + round_away(mode, x.negative, (low & 1) != 0, rest, cut, x.sticky, draw);
    // Exponent bits are cut: between 2^a and 2^(a + d), linear in the value: f = (2^(e - a) (1 + fraction) - 1) / (2^d - 1).
    const int exponent_bits = cut - 63;
    const int above = static_cast<int>(e & ((1u << exponent_bits) - 1));
    const Wide unit = Wide{1} << (63 - above);
    const Wide gap = (Wide{1} << (1 << exponent_bits)) - 1;
    return low + draw_away(x.negative, draw, x.significand - unit, gap * unit, x.sticky);
}

// One lane of encode, branch-free.  float lanes: n <= 31 and top() <= 126; double lanes: any posit.
// The scaled number a - 1.0 read as an integer is "exponent.fraction" in two's complement; its high part is the regime.
template <class Real>
struct PositEncodeLane {
    using Int = typename Lane<Real>::Int;
    using UInt = typename Lane<Real>::UInt;
    static constexpr int width = Lane<Real>::width, fraction = Lane<Real>::fraction;
    Int minpos, maxpos, zero_limit;
    UInt mask, nar, half;
    int below, regime_shift;

    TAPER_FN PositEncodeLane(const Posit& p, Rounding mode)
        : minpos(bits_as<Int>(power_of_two<Real>(-p.top()))), maxpos(bits_as<Int>(power_of_two<Real>(p.top()))), zero_limit(0),
          mask(static_cast<UInt>(p.mask())), nar(static_cast<UInt>(p.nar())), half(UInt{1} << (width - 1 - p.n)), below(width - p.n), regime_shift(fraction + p.es) {
        if (p.underflow == Underflow::to_zero) zero_limit = mode == Rounding::zero ? minpos - 1 : bits_as<Int>(bits_as<Real>(minpos) / 2);
    }

    // mode: nearest or zero.
    template <Rounding mode>
    TAPER_FN UInt encode(Real x) const {
        const Int u = bits_as<Int>(x);
        const Int magnitude = u & ~(Int{1} << (width - 1));
        Int a = magnitude < minpos ? minpos : magnitude;
        a = a > maxpos ? maxpos : a;
        const Int t = a - (static_cast<Int>(Lane<Real>::bias) << fraction);
        const Int s = t >> (width - 1);
        const Int shift = (t ^ s) >> regime_shift;
        // "1 10" or "0 01" with the exponent and fraction behind: the doubled first bit leaves room for the carry.
        constexpr UInt field = ~UInt{0} >> 3;
        const UInt signs = static_cast<UInt>(s);
        UInt w = ((((static_cast<UInt>(t) << (width - 3 - regime_shift)) ^ signs) & field) ^ signs) ^ (UInt{3} << (width - 2));
        if constexpr (mode == Rounding::nearest) w += (half << shift) - 1 + ((static_cast<UInt>(static_cast<Int>(w) >> shift) >> below) & 1);
        const UInt code = (static_cast<UInt>(static_cast<Int>(w) >> shift) & ~(UInt{1} << (width - 1))) >> below;
        UInt result = (u < 0 ? UInt{0} - code : code) & mask;
        result = magnitude <= zero_limit ? 0 : result;
        return magnitude >= Lane<Real>::infinity ? nar : result;
    }
};

// One lane of decode.  float lanes: significand_bits() <= 24 and top() <= 126; double lanes: any posit.
template <class Real>
struct PositDecodeLane {
    using UInt = typename Lane<Real>::UInt;
    static constexpr int fraction = Lane<Real>::fraction;
    int n, es;
    std::uint32_t nar, body;

    TAPER_FN explicit PositDecodeLane(const Posit& p)
        : n(p.n), es(p.es), nar(static_cast<std::uint32_t>(p.nar())), body((nar - 1) << (32 - p.n)) {}

    TAPER_FN Real decode(std::uint32_t code) const {
        const std::uint32_t sign = static_cast<std::uint32_t>(static_cast<std::int32_t>(code << (32 - n)) >> 31);
        const std::uint32_t v = ((code ^ sign) - sign) << (32 - n);
        const std::uint32_t ones = static_cast<std::uint32_t>(static_cast<std::int32_t>(v << 1) >> 31);
        const std::uint32_t w = (v ^ ones) & body;
        // The position of w's first bit, read from a float's exponent; clearing the bit behind it keeps the conversion from rounding up.
        const std::uint32_t exponent = bits_as<std::uint32_t>(static_cast<float>(static_cast<std::int32_t>(w & ~(w >> 1)))) >> 23;
        const std::uint32_t floor = static_cast<std::uint32_t>(158 - n);
        const std::uint32_t run = 157 - (exponent < floor ? floor : exponent);
        const std::int32_t k = static_cast<std::int32_t>((run ^ ~ones) - ~ones) + static_cast<std::int32_t>(ones);
        const std::uint32_t field = (v << 2) << run;
        UInt y = (static_cast<UInt>(static_cast<typename Lane<Real>::Int>(k)) << (fraction + es)) + (static_cast<UInt>(Lane<Real>::bias) << fraction);
        if constexpr (sizeof(Real) == 4) {
            y += field >> (9 - es);
        } else {
            y += static_cast<UInt>(field) << (20 + es);
        }
        y |= static_cast<UInt>(sign & 1) << (Lane<Real>::width - 1);
        y = code == 0 ? 0 : y;
        return bits_as<Real>(code == nar ? Lane<Real>::quiet_nan : y);
    }
};

}  // namespace taper
