#include <taper/formats/format.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <taper/formats/convert.h>
#include <taper/formats/error.h>

namespace taper {

Format Format::float32() { return Format(Float32{}); }
Format Format::float64() { return Format(Float64{}); }
Format Format::int32() { return Format(Int32{}); }
Format Format::uint8() { return Format(UInt8{}); }

Format Format::posit(int n, int es, Underflow underflow) {
    if (n < 2 || n > 32 || es < 0 || es > 4) throw Error(fmt::format("Format: posit sizes out of range: posit({},{}) (want 2 <= n <= 32, 0 <= es <= 4)", n, es));
    return Format(Posit{static_cast<std::uint8_t>(n), static_cast<std::uint8_t>(es), underflow});
}

Format Format::minifloat(int exponent, int mantissa, Overflow overflow) {
    if (exponent < 1 || exponent > 8 || mantissa < 1 || mantissa > 23)
        throw Error(fmt::format("Format: float sizes out of range: float({},{}) (want exponent bits in 1..8, mantissa bits in 1..23)", exponent, mantissa));
    if (exponent == 8 && mantissa == 23 && overflow == Overflow::ieee) return float32();
    return Format(Minifloat{static_cast<std::uint8_t>(exponent), static_cast<std::uint8_t>(mantissa), Specials::ieee, overflow});
}

Format Format::fixed(int word, int fraction, FixedRange range) {
    if (word < 1 || word > 24 || fraction < -64 || fraction > 64)
        throw Error(fmt::format("Format: fixed sizes out of range: fixed({},{}) (want 1 <= word <= 24, -64 <= fraction <= 64)", word, fraction));
    return Format(Fixed{static_cast<std::uint8_t>(word), static_cast<std::int8_t>(fraction), range});
}

int Format::bits() const {
    return visit(*this, [](auto family) { return family.bits(); });
}

int Format::storage_bytes() const {
    const int n = bits();
    return n <= 8 ? 1 : n <= 16 ? 2 : n <= 32 ? 4 : 8;
}

double Format::max() const {
    return visit(*this, [this](auto family) { return decode_one(*this, family.max_code()); });
}

double Format::min_positive() const {
    return visit(*this, [this](auto family) { return decode_one(*this, family.min_positive_code()); });
}

double Format::epsilon() const {
    if (const Fixed* fixed = std::get_if<Fixed>(&family_)) return std::ldexp(1.0, scale_exponent_ - fixed->fraction);
    const std::uint64_t low = encode_one(*this, 1.0, Rounding::zero);
    if (decode_one(*this, low) > 1) return decode_one(*this, low) - 1;  // the smallest value is larger than 1
    return visit(*this, [&](auto family) { return low >= family.max_code() ? 0.0 : decode_one(*this, low + 1) - 1.0; });
}

int Format::significand_bits() const {
    return visit(*this, [](auto family) { return family.significand_bits(); });
}

int Format::max_exponent() const {
    return scale_exponent_ + visit(*this, [](auto family) { return family.unpack(family.max_code()).exponent; });
}

int Format::min_exponent() const {
    return scale_exponent_ + visit(*this, [](auto family) { return family.min_exponent(); });
}

bool Format::has_nan() const {
    return visit(*this, [](auto family) { return family.has_nan(); });
}

bool Format::is_index() const { return std::holds_alternative<Int32>(family_) || std::holds_alternative<UInt8>(family_); }

namespace {

// Are all values of f those of a binary float with p significant bits, largest exponent `top` and lowest bit 2^bottom?  Codes of two's
// complement reach a power of two further below 0 than above, symmetric or not.
bool held_by(const Format& f, int p, int top, int bottom) {
    const Fixed* const fixed = std::get_if<Fixed>(&f.family());
    const int largest = fixed != nullptr ? f.min_exponent() + fixed->word - 1 : f.max_exponent();
    return f.significand_bits() <= p && largest <= top && f.min_exponent() >= bottom;
}

}  // namespace

bool Format::exact_in_float32() const { return held_by(*this, 24, 127, -149); }
bool Format::exact_in_bfloat16() const { return held_by(*this, 8, 127, -133); }
bool Format::exact_in_float16() const { return held_by(*this, 11, 15, -24); }
ComputeType Format::compute_type() const { return exact_in_float32() ? ComputeType::float32 : ComputeType::float64; }

double Format::scale() const { return std::ldexp(1.0, scale_exponent_); }

Format Format::scaled(double scale) const {
    int exponent = 0;
    if (!std::isfinite(scale) || std::frexp(scale, &exponent) != 0.5)
        throw Error(fmt::format("Format: scale is not a power of two: {}*{} (want one, with which every value stays exact)", element().name(), scale));
    if (--exponent == 0) return element();
    if (is_index() || std::holds_alternative<Float32>(family_) || std::holds_alternative<Float64>(family_))
        throw Error(fmt::format("Format: no constant scale of {}: *{} came (want another number format)", element().name(), scale));
    constexpr int limit = 480;  // whose squares, quotients and rounding errors float64 holds
    const Format bare = element();
    if (bare.max_exponent() + exponent > limit || bare.min_exponent() + exponent < -limit)
        throw Error(fmt::format("Format: scale out of range: {}*{} (want values within 2^-{} and 2^{})", bare.name(), scale, limit, limit));
    return Format(family_, exponent);
}

Format Format::saturating() const {
    if (std::holds_alternative<Float32>(family_)) return Format(Minifloat{8, 23, Specials::ieee, Overflow::saturate});
    if (std::holds_alternative<Float64>(family_)) throw Error("Format: no saturating variant: float64 (want a format of at most 32 bits)");
    const Minifloat* f = std::get_if<Minifloat>(&family_);
    if (f == nullptr || f->specials == Specials::finite) return *this;
    return Format(Minifloat{f->exponent, f->mantissa, f->specials, Overflow::saturate}, scale_exponent_);
}

}  // namespace taper
