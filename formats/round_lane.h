// Rounding to nearest of a host float to a format's value in the same host float, without going through codes: branch-free element functions,
// written once for scalars, for vectors of the host's compiler and for CUDA.  Each equals decode(encode(x)), except that NaN stays NaN.
#pragma once

#include <cstdint>

#include <taper/formats/fixed.h>
#include <taper/formats/host_device.h>
#include <taper/formats/lane.h>
#include <taper/formats/minifloat.h>
#include <taper/formats/posit.h>

namespace taper {

// What a lane function knows of its lane: the unsigned integers of the same width, and what scalars spell otherwise than vectors do.
// Vectors of float or double specialise it (core/cpu/rounded_vectors.h).
template <class V>
struct LaneOps {
    using Bits = typename Lane<V>::UInt;
    using Signed = typename Lane<V>::Int;
    TAPER_FN static Bits all_ones_if_negative(Bits x) { return static_cast<Bits>(static_cast<typename Lane<V>::Int>(x) >> (Lane<V>::width - 1)); }
    TAPER_FN static Bits less_one_where(bool condition, Bits x) { return condition ? x - 1 : x; }
    TAPER_FN static Bits nan_where(bool condition, Bits x) { return condition ? Lane<V>::quiet_nan : x; }
    // x within [low, high], all below 2^(width - 1).
    TAPER_FN static Bits clamped(Bits x, Bits low, Bits high) { return x < low ? low : x > high ? high : x; }
};

template <class Real>
struct LaneMasks {
    using UInt = typename Lane<Real>::UInt;
    static constexpr UInt sign = UInt{1} << (Lane<Real>::width - 1), magnitude = ~sign, one = static_cast<UInt>(Lane<Real>::bias) << Lane<Real>::fraction,
                          infinity = static_cast<UInt>(Lane<Real>::infinity);
};

// Posits of 3 bits or more, top() < bias - 1, significand_bits() < fraction.
// a - 1.0 as an integer t is "exponent.fraction" in two's complement: its high part k is the regime, which takes sh + 2 bits of the code;
// a unit of the code's last place is then 2^(sh + regime_shift - (n - 3)) of t.
template <class Real>
struct PositRound {
    using Masks = LaneMasks<Real>;
    using UInt = typename Masks::UInt;
    UInt minpos, below_maxpos, last_bit_offset, unit, regime_shift;
    typename Lane<Real>::Int zero_limit;
    int fraction_bits;  // of values near 1; less than 0 where exponent bits are missing even there

    PositRound() = default;
    TAPER_FN explicit PositRound(const Posit& p)
        : minpos(bits_as<UInt>(power_of_two<Real>(-p.top()))),
          below_maxpos(bits_as<UInt>(power_of_two<Real>(p.top())) - 1),
          // Where the regime fills the code, its terminator is the last bit: 0 for k >= 0, 1 for k < 0, which is k's parity if n is odd.
          last_bit_offset((p.n % 2 == 0 ? UInt{1} << (Lane<Real>::fraction + p.es) : 0) - Masks::one),
          unit(UInt{1} << (Lane<Real>::fraction + p.es - (p.n - 3))),
          regime_shift(static_cast<UInt>(Lane<Real>::fraction + p.es)),
          zero_limit(p.underflow == Underflow::to_zero ? bits_as<typename Lane<Real>::Int>(power_of_two<Real>(-p.top() - 1)) : 0),
          fraction_bits(p.n - 3 - p.es) {}

    template <class V>
    TAPER_FN V operator()(V x) const {
        using Ops = LaneOps<V>;
        using Bits = typename Ops::Bits;
        using Signed = typename Ops::Signed;
        const Bits u = bits_as<Bits>(x), magnitude = u & Masks::magnitude;
        const Bits a = Ops::clamped(magnitude, minpos, below_maxpos);
        const Bits t = a - Masks::one;
        const Bits step = (Bits{} + unit) << ((t ^ Ops::all_ones_if_negative(t)) >> (Bits{} + regime_shift));
        const Bits last_bit = (a + last_bit_offset) & step;
        Bits y = Ops::less_one_where(last_bit == 0, t + (step >> 1));
        y = ((y & (Bits{} - step)) + Masks::one) | (u & Masks::sign);
        const Signed ordered = bits_as<Signed>(magnitude);
        y = ordered > zero_limit ? y : Bits{};
        return bits_as<V>(Ops::nan_where(ordered > Lane<Real>::infinity - 1, y));
    }
};

// Floats whose exponents are fewer than the lane's, of at most fraction - 1 mantissa bits: adding 1.5 2^(e - m + fraction) leaves a unit of
// 2^(e - m) in the last place, e the exponent of x or the lowest normal one.
template <class Real>
struct MinifloatRound {
    using Masks = LaneMasks<Real>;
    using UInt = typename Masks::UInt;
    UInt lowest, magic, overflow, zero_sign;
    Real overflow_from;

    MinifloatRound() = default;
    TAPER_FN explicit MinifloatRound(const Minifloat& f)
        : lowest(bits_as<UInt>(power_of_two<Real>(f.lowest_exponent()))),
          magic((static_cast<UInt>(Lane<Real>::fraction - f.mantissa) << Lane<Real>::fraction) | UInt{1} << (Lane<Real>::fraction - 1)),
          overflow(overflow_bits(f)),
          zero_sign(f.specials == Specials::fnuz ? 0 : Masks::sign),
          overflow_from(first_overflow(f)) {}

    template <class V>
    TAPER_FN V operator()(V x) const {
        using Ops = LaneOps<V>;
        using Bits = typename Ops::Bits;
        const Bits u = bits_as<Bits>(x);
        const Bits e = u & Masks::infinity;
        const V c = bits_as<V>((e < lowest ? Bits{} + lowest : e) + magic);
        const Bits y = bits_as<Bits>((x + c) - c) | (u & zero_sign);
        return bits_as<V>(bits_as<V>(u & Masks::magnitude) >= overflow_from ? (u & Masks::sign) | overflow : y);
    }

  private:
    TAPER_FN static Real value(const Minifloat& f, std::uint64_t code) {
        const Unpacked x = f.unpack(code);
        return static_cast<Real>(x.significand >> 32) * power_of_two<Real>(x.exponent - 31);
    }
    TAPER_FN static UInt overflow_bits(const Minifloat& f) {
        const Unpacked x = f.unpack(f.overflow_code());
        return x.kind == Kind::infinite ? Masks::infinity : x.kind == Kind::nan ? Lane<Real>::quiet_nan : bits_as<UInt>(value(f, f.overflow_code()));
    }
    // The largest value and half a unit more; a tie overflows where the code is odd.
    TAPER_FN static Real first_overflow(const Minifloat& f) {
        const int exponent = f.unpack(f.max_code()).exponent;
        const Real half = power_of_two<Real>((exponent < f.lowest_exponent() ? f.lowest_exponent() : exponent) - f.mantissa - 1);
        const Real limit = value(f, f.max_code()) + half;
        return (f.max_code() & 1) != 0 ? limit : bits_as<Real>(bits_as<UInt>(limit) + 1);
    }
};

// Floats with float32's exponents and fewer mantissa bits: the code is the upper part of the lane's.
struct NarrowedRound {
    std::uint32_t unit, largest;

    NarrowedRound() = default;
    TAPER_FN explicit NarrowedRound(const Minifloat& f)
        : unit(std::uint32_t{1} << (23 - f.mantissa)), largest(f.overflow == Overflow::saturate ? 0x7f800000u - unit : 0x7f800000u) {}

    template <class V>
    TAPER_FN V operator()(V x) const {
        using Ops = LaneOps<V>;
        using Bits = typename Ops::Bits;
        const Bits u = bits_as<Bits>(x), a = u & 0x7fffffffu;
        const Bits y = Ops::less_one_where((a & unit) == 0, a + (unit >> 1)) & (0u - unit);
        const Bits signed_y = (y > largest ? Bits{} + largest : y) | (u & 0x80000000u);
        return bits_as<V>(a > 0x7f800000u ? u : signed_y);
    }
};

// Fixed point whose unit and ends are normal numbers of the lane.
template <class Real>
struct FixedRound {
    Real scale, low, high, step;

    FixedRound() = default;
    TAPER_FN explicit FixedRound(const Fixed& f)
        : scale(power_of_two<Real>(f.fraction)), low(static_cast<Real>(f.low())), high(static_cast<Real>(f.high())), step(power_of_two<Real>(-f.fraction)) {}

    template <class V>
    TAPER_FN V operator()(V x) const {
        // 1.5 2^fraction leaves a unit of 1 in the last place and makes a zero positive.
        constexpr Real magic = static_cast<Real>(typename Lane<Real>::UInt{3} << (Lane<Real>::fraction - 1));
        V v = x * scale;
        v = v < low ? V{} + low : v;
        v = v > high ? V{} + high : v;
        return ((v + magic) - magic) * step;
    }
};

// A lane's own values.
struct NoRound {
    template <class V>
    TAPER_FN V operator()(V x) const {
        return x;
    }
};

}  // namespace taper
