#include <taper/formats/quire.h>

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper {
namespace {

// With a scale a posit would not be a multiple of the unit, minpos^2.
const Posit& posit_of(const Format& format) {
    if (format.scaling() != Scaling::none) throw Error(fmt::format("Quire: a scaled posit: {} (want one without a scale, or an ExactSum)", format.name()));
    if (const Posit* posit = std::get_if<Posit>(&format.family())) return *posit;
    throw Error(fmt::format("Quire: not a posit: {} (want posit(n,es))", format.name()));
}

int width_of(const Posit& posit) { return 4 * posit.top() + 32; }

constexpr Unpacked one = {Kind::finite, false, false, 0, std::uint64_t{1} << 63};

}  // namespace

Quire::Quire(const Format& posit) : format_(posit), limbs_(static_cast<std::size_t>(width_of(posit_of(posit)) / 64 + 1), 0) {}

Quire::Quire(const Number& x) : Quire(x.format()) { *this += x; }

int Quire::width() const { return width_of(posit_of(format_)); }

void Quire::check(const char* op, const Format& format) const {
    if (!(format == format_)) throw Error(fmt::format("Quire: {}: formats differ: {} and {} (want one format)", op, format_.name(), format.name()));
}

Unpacked Quire::operand(const char* op, const Number& x) const {
    check(op, x.format());
    return posit_of(format_).unpack(x.code());
}

Quire& Quire::clear() {
    std::fill(limbs_.begin(), limbs_.end(), 0);
    nar_ = false;
    return *this;
}

Quire& Quire::negate() {
    taper::negate(limbs_);
    return *this;
}

Quire& Quire::abs() { return is_negative(limbs_) ? negate() : *this; }

Quire& Quire::operator+=(const Number& x) { return add(operand("add", x), one, false); }
Quire& Quire::operator-=(const Number& x) { return add(operand("subtract", x), one, true); }

Quire& Quire::operator+=(const Quire& x) {
    check("add", x.format_);
    return add(x, false);
}

Quire& Quire::operator-=(const Quire& x) {
    check("subtract", x.format_);
    return add(x, true);
}

Quire& Quire::multiply_add(const Number& a, const Number& b) { return add(operand("multiply_add", a), operand("multiply_add", b), false); }
Quire& Quire::multiply_subtract(const Number& a, const Number& b) { return add(operand("multiply_subtract", a), operand("multiply_subtract", b), true); }

Quire& Quire::add(const Unpacked& a, const Unpacked& b, bool negative) {
    nar_ = nar_ || a.kind == Kind::nan || b.kind == Kind::nan;
    if (nar_) return settle();
    if (a.kind == Kind::zero || b.kind == Kind::zero) return *this;
    // Every posit is a multiple of minpos: what lies below the register are zeros of the significands.
    const int zeros = std::countr_zero(a.significand) + std::countr_zero(b.significand);
    const Wide product = (Wide{a.significand} * b.significand) >> zeros;
    add_shifted(limbs_, (a.negative != b.negative) != negative, product, a.exponent + b.exponent - 126 + zeros - lsb());
    return settle();
}

Quire& Quire::add(const Quire& x, bool negative) {
    nar_ = nar_ || x.nar_;
    Limbs other = x.limbs_;  // of as many limbs
    if (negative) taper::negate(other);
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < limbs_.size(); ++i) {
        const Wide sum = Wide{limbs_[i]} + other[i] + carry;
        limbs_[i] = static_cast<std::uint64_t>(sum);
        carry = static_cast<std::uint64_t>(sum >> 64);
    }
    return settle();
}

Quire& Quire::settle() {
    Limbs magnitude = limbs_;
    if (is_negative(magnitude)) taper::negate(magnitude);
    const std::size_t sign = static_cast<std::size_t>(width() - 1);  // |register| < 2^sign: its bits from there on are 0
    bool beyond = (magnitude[sign / 64] >> (sign % 64)) != 0;
    for (std::size_t i = sign / 64 + 1; i < magnitude.size(); ++i) beyond = beyond || magnitude[i] != 0;
    if (nar_ || beyond) {
        clear();
        nar_ = true;
    }
    return *this;
}

Number Quire::to_posit(Rounding mode, std::uint32_t draw) const {
    return {format_, posit_of(format_).pack(nar_ ? unpacked_nan() : unpacked_from(limbs_, lsb()), mode, draw)};
}

std::string Quire::hex() const {
    std::string digits;
    for (int bit = 0; bit < width(); bit += 4) digits += "0123456789abcdef"[limbs_[static_cast<std::size_t>(bit / 64)] >> (bit % 64) & 15];
    std::reverse(digits.begin(), digits.end());
    if (nar_) digits[0] = '8';
    return digits;
}

std::string Quire::value() const { return nar_ ? "nan" : hex_float(limbs_, lsb()); }

bool operator==(const Quire& a, const Quire& b) { return a.format_ == b.format_ && a.nar_ == b.nar_ && a.limbs_ == b.limbs_; }

}  // namespace taper
