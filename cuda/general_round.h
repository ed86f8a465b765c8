// GeneralRound: one rounding of a step into any format, to nearest or by a draw.
#pragma once

#include <taper/cuda/element_io.h>

namespace taper::cuda {

// x rounded into `format`, as a double; NaN stays NaN also where the format has none.
TAPER_CALLED double rounded_exactly(const DeviceFormat& format, const Unpacked& x, Rounding mode, std::uint32_t draw) {
    return double_of(x.kind == Kind::nan ? x : format.unpack(format.pack(x, mode, draw)));
}

// By a draw, doubles are rounded on their bits where a unit in the format's last place is a power of two and x lies within the ends: with
// 2^cut of the double's units in one of the format's, a rest of r of them grows by the draw d to the next value where d 2^cut / 2^32 < r, and where x < 0
// if (2^32 - d) 2^cut / 2^32 <= r.  All else goes through codes: ends, subnormal numbers, posits with cut exponents, rounding to nearest.
class GeneralRound {
  public:
    GeneralRound() = default;
    GeneralRound(const DeviceFormat& format, Rounding mode) : format_(format), mode_(mode) {
        if (mode != Rounding::stochastic) return;
        switch (format.kind) {
            case DeviceFormat::Kind::posit: set_posit(format.posit); break;
            case DeviceFormat::Kind::minifloat: set_float(format.minifloat); break;
            case DeviceFormat::Kind::float32: set_float(Float32::layout()); break;
            case DeviceFormat::Kind::fixed: set_fixed(format.fixed); break;
            default: break;
        }
    }

    TAPER_FN bool draws() const { return mode_ == Rounding::stochastic; }

    TAPER_FN double operator()(double x, std::uint32_t draw) const {
        const std::uint64_t u = bits_as<std::uint64_t>(x), sign = std::uint64_t{1} << 63, a = u & ~sign;
        if (a - low_ >= span_) return rounded_exactly(format_, unpacked_of(x), mode_, draw);
        const std::int64_t t = static_cast<std::int64_t>(a - one_);
        const int cut = nearest_one_ + static_cast<int>((t ^ (t >> 63)) >> regime_shift_) - (static_cast<int>(a >> 52) & exponents_);
        const std::uint64_t unit = std::uint64_t{1} << cut, d = (std::uint64_t{draw} << 20) >> (52 - cut);
        const std::uint64_t grown = a + ((u & sign) != 0 ? d : unit - 1 - d);
        return bits_as<double>((u & sign) | (grown & (0 - unit)));
    }
    TAPER_FN double operator()(const Unpacked& x, std::uint32_t draw) const { return rounded_exactly(format_, x, mode_, draw); }

  private:
    DeviceFormat format_;
    Rounding mode_ = Rounding::nearest;
    std::uint64_t low_ = 0, span_ = 0, one_ = 0;  // magnitudes from low_ on, fewer than span_ doubles, are rounded on their bits
    int nearest_one_ = 0, regime_shift_ = 63;     // cut next to 1; of posits, whose cut is one more for each regime away from it
    int exponents_ = 0;                           // all ones for fixed point, whose cut is one less for each exponent

    static std::uint64_t bits_of(int exponent) { return bits_as<std::uint64_t>(power_of_two<double>(exponent)); }
    void set_range(std::uint64_t low, std::uint64_t high) {
        low_ = low;
        span_ = high > low ? high - low : 0;
    }
    void set_posit(const Posit& p) {
        const int fraction = p.n - 3 - p.es;  // bits next to 1
        if (fraction < 0) return;
        const int end = (fraction + 1) << p.es;  // beyond, exponents are cut
        one_ = bits_of(format_.scale);
        nearest_one_ = 52 - fraction;
        regime_shift_ = 52 + p.es;
        set_range(bits_of(format_.scale - end), bits_of(format_.scale + end));
    }
    void set_float(const Minifloat& f) {
        nearest_one_ = 52 - f.mantissa;
        const double largest = double_of(f.unpack(f.max_code())) * power_of_two<double>(format_.scale);
        set_range(bits_of(f.lowest_exponent() + format_.scale), bits_as<std::uint64_t>(largest));
    }
    void set_fixed(const Fixed& f) {
        const int unit = format_.scale - f.fraction;
        exponents_ = ~0;
        nearest_one_ = 52 + Lane<double>::bias + unit;
        set_range(bits_of(unit), bits_as<std::uint64_t>(static_cast<double>(f.high()) * power_of_two<double>(unit)));
    }
};

}  // namespace taper::cuda
