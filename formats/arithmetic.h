// Exact arithmetic on unpacked numbers: each result is the true one, or its first 64 bits and a sticky bit; a format's pack() rounds it once.
// NaN in, NaN out; inf - inf, 0 inf, 0/0, inf/inf and the root of a negative number are NaN; x/0 is infinite.
// Signs of zeros as in IEEE 754 under rounding to nearest.
#pragma once

#include <cstdint>

#include <taper/formats/unpacked.h>

namespace taper {

// (-1)^negative magnitude 2^exponent, magnitude != 0.
struct WideNumber {
    bool negative;
    Wide magnitude;
    int exponent;
};

TAPER_FN int leading_zeros_wide(Wide x) {
    const std::uint64_t high = static_cast<std::uint64_t>(x >> 64);
    return high != 0 ? leading_zeros(high) : 64 + leading_zeros(static_cast<std::uint64_t>(x));
}

// a + b of nonzero numbers of at most 110 bits each.  Both are lined up with two bits of room above; a bit is lost only where the
// exponents are so far apart that at most one leading bit cancels.
TAPER_FN Unpacked sum_of(WideNumber a, WideNumber b) {
    const int a_shift = leading_zeros_wide(a.magnitude) - 2, b_shift = leading_zeros_wide(b.magnitude) - 2;
    a = {a.negative, a.magnitude << a_shift, a.exponent - a_shift};
    b = {b.negative, b.magnitude << b_shift, b.exponent - b_shift};
    if (a.exponent < b.exponent || (a.exponent == b.exponent && a.magnitude < b.magnitude)) {
        const WideNumber t = a;
        a = b;
        b = t;
    }
    const int distance = a.exponent - b.exponent;
    const Wide shifted = distance < 128 ? b.magnitude >> distance : 0;
    const bool sticky = distance < 128 ? (shifted << distance) != b.magnitude : true;
    if (a.negative == b.negative) return unpacked_from(a.negative, a.magnitude + shifted, a.exponent, sticky);
    const Wide difference = a.magnitude - shifted - (sticky ? 1 : 0);
    return difference == 0 && !sticky ? unpacked_zero(false) : unpacked_from(a.negative, difference, a.exponent, sticky);
}

TAPER_FN WideNumber widened(const Unpacked& x) { return {x.negative, x.significand, x.exponent - 63}; }

TAPER_FN Unpacked exact_add(const Unpacked& a, const Unpacked& b) {
    if (a.kind == Kind::nan || b.kind == Kind::nan) return unpacked_nan();
    if (a.kind == Kind::infinite) return b.kind == Kind::infinite && a.negative != b.negative ? unpacked_nan() : a;
    if (b.kind == Kind::infinite) return b;
    if (a.kind == Kind::zero) return b.kind == Kind::zero ? unpacked_zero(a.negative && b.negative) : b;
    if (b.kind == Kind::zero) return a;
    return sum_of(widened(a), widened(b));
}

TAPER_FN Unpacked negated(Unpacked x) {
    x.negative = !x.negative;
    return x;
}

TAPER_FN Unpacked exact_mul(const Unpacked& a, const Unpacked& b) {
    const bool negative = a.negative != b.negative;
    if (a.kind == Kind::nan || b.kind == Kind::nan) return unpacked_nan();
    if (a.kind == Kind::infinite || b.kind == Kind::infinite) return a.kind == Kind::zero || b.kind == Kind::zero ? unpacked_nan() : unpacked_infinity(negative);
    if (a.kind == Kind::zero || b.kind == Kind::zero) return unpacked_zero(negative);
    return unpacked_from(negative, Wide{a.significand} * b.significand, a.exponent + b.exponent - 126);
}

TAPER_FN Unpacked exact_div(const Unpacked& a, const Unpacked& b) {
    const bool negative = a.negative != b.negative;
    if (a.kind == Kind::nan || b.kind == Kind::nan || (a.kind == b.kind && a.kind != Kind::finite)) return unpacked_nan();
    if (a.kind == Kind::infinite || b.kind == Kind::zero) return unpacked_infinity(negative);
    if (a.kind == Kind::zero || b.kind == Kind::infinite) return unpacked_zero(negative);
    const int shift = a.significand < b.significand ? 64 : 63;
    const Wide dividend = Wide{a.significand} << shift;
    const std::uint64_t quotient = static_cast<std::uint64_t>(dividend / b.significand);
    return {Kind::finite, negative, dividend % b.significand != 0, a.exponent - b.exponent + 63 - shift, quotient};
}

TAPER_FN Unpacked exact_sqrt(const Unpacked& a) {
    if (a.kind == Kind::zero || a.kind == Kind::nan) return a;
    if (a.negative) return unpacked_nan();
    if (a.kind == Kind::infinite) return a;
    const int odd = a.exponent & 1;
    const Wide square = Wide{a.significand} << (63 + odd);
    std::uint64_t root = 0;
    for (int bit = 63; bit >= 0; --bit) {
        const std::uint64_t tried = root | (std::uint64_t{1} << bit);
        if (Wide{tried} * tried <= square) root = tried;
    }
    return {Kind::finite, false, Wide{root} * root != square, (a.exponent - odd) / 2, root};
}

// a b + c with one rounding to come; operands of at most 55 significant bits.
TAPER_FN Unpacked exact_fma(const Unpacked& a, const Unpacked& b, const Unpacked& c) {
    const Unpacked product = exact_mul(a, b);
    if (product.kind != Kind::finite || c.kind != Kind::finite) return exact_add(product, c);
    const Wide exact = (Wide{a.significand} * b.significand) >> 16;  // the low bits of a product of 55-bit numbers are 0
    return sum_of({product.negative, exact, a.exponent + b.exponent - 110}, widened(c));
}

}  // namespace taper
