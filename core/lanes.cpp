#include <taper/core/lanes.h>

#include <algorithm>
#include <cmath>

#include <taper/formats/lane.h>

namespace taper {
namespace {

// Ops whose result is one of the operands up to its sign: no arithmetic rounds.
bool moves_values(Unary op) { return op == Unary::neg || op == Unary::abs || op == Unary::relu; }
bool moves_values(Binary op) { return op == Binary::maximum || op == Binary::minimum; }
bool is_transcendental(Unary op) { return op == Unary::exp || op == Unary::log || op == Unary::tanh || op == Unary::sigmoid; }

// Significant bits of a double; 0 has one.
int significant_bits(double a) {
    const std::uint64_t fraction = bits_as<std::uint64_t>(a) & ((std::uint64_t{1} << 52) - 1);
    return fraction == 0 ? 1 : 53 - __builtin_ctzll(fraction);
}

// Does float32 round add, sub, mul, div and sqrt within `f` so that a second rounding to nearest cannot go wrong?
// With p significant bits a result is either exact in 2p + 2 <= 24 bits or further than half a unit of the 24th from every decision point
// (Figueroa 1995); the exponents of products and quotients stay normal.  bfloat16 shares float32's exponents: its overflow is float32's, and
// a product that float32 rounds among its subnormals lies below bfloat16's first decision point.
bool double_rounding_in_float32_is_safe(const Format& f) {
    if (f == Format::float32()) return true;
    if (f.saturating() == Format::minifloat(8, 7, Overflow::saturate)) return true;
    return f.significand_bits() <= 11 && float32_range(f, f);
}

Lanes arithmetic_lanes(const Format& in, const Format& out, Rounding mode, bool fits_float32) {
    if (mode == Rounding::stochastic) return Lanes::exact;
    if (out == Format::float64()) return mode == Rounding::nearest ? Lanes::float64 : Lanes::exact;
    if (in == Format::float64()) return Lanes::exact;
    return mode == Rounding::nearest && in == out && fits_float32 ? Lanes::float32 : Lanes::odd;
}

Lanes moving_lanes(const Format& in) { return in.exact_in_float32() ? Lanes::float32 : Lanes::float64; }

}  // namespace

bool float32_range(const Format& a, const Format& b) {
    if (a == Format::float64() || b == Format::float64()) return false;
    const int top = std::max(a.max_exponent(), b.max_exponent()), bottom = std::min(a.min_exponent(), b.min_exponent());
    return 2 * top <= 126 && 2 * bottom >= -126 && top - bottom <= 126;
}

Lanes lanes_of(Unary op, double a, const Format& in, const Format& out, Rounding mode) {
    if (moves_values(op)) return moving_lanes(in);
    if (is_transcendental(op)) return mode == Rounding::stochastic || in == Format::float64() || out == Format::float64() ? Lanes::exact : Lanes::odd;
    bool fits = in.exact_in_float32() && double_rounding_in_float32_is_safe(in);
    if ((op == Unary::scale || op == Unary::leaky_relu) && in != Format::float64() && a != 0) {
        const int exponent = std::isfinite(a) ? std::ilogb(a) : 0;
        if (std::abs(exponent) > 400) return Lanes::exact;
        if (in == Format::float32()) {
            fits = static_cast<double>(static_cast<float>(a)) == a;
        } else {
            fits = fits && in.significand_bits() + significant_bits(a) <= 24 && in.max_exponent() + exponent <= 126 && in.min_exponent() + exponent >= -100;
        }
    }
    return arithmetic_lanes(in, out, mode, fits);
}

Lanes lanes_of(Binary op, const Format& in, const Format& out, Rounding mode) {
    if (moves_values(op)) return moving_lanes(in);
    return arithmetic_lanes(in, out, mode, in.exact_in_float32() && double_rounding_in_float32_is_safe(in));
}

bool gradient_in_float32(std::initializer_list<Format> formats) {
    for (const Format& f : formats) {
        const bool host_range = f == Format::float32() || f == Format::minifloat(8, 7);
        if (!f.exact_in_float32() || (!host_range && !float32_range(f, f))) return false;
    }
    return true;
}

}  // namespace taper
