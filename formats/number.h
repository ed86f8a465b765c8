// Number: one scalar, a format and a code, with correctly rounded arithmetic.
#pragma once

#include <cstdint>
#include <string>

#include <taper/formats/format.h>
#include <taper/formats/rounding.h>

namespace taper {

class Number {
  public:
    Number() = default;  // +0 in float32
    Number(const Format& format, std::uint64_t code);  // throws Error if the code has bits beyond format.bits()
    static Number from(double x, const Format& format, Rounding mode = Rounding::nearest, std::uint32_t draw = 0);

    const Format& format() const { return format_; }
    std::uint64_t code() const { return code_; }
    double value() const;   // exact in float64 for every format here; NaN for NaR and NaN
    bool is_nan() const;    // NaR or NaN
    std::string hex() const;  // the code, ceil(bits / 4) lower-case digits

    // Exact value rounded once into another format.
    Number to(const Format& format, Rounding mode = Rounding::nearest, std::uint32_t draw = 0) const;

    friend bool operator==(const Number&, const Number&) = default;  // same format and code

  private:
    Format format_;
    std::uint64_t code_ = 0;
};

// r(a op b), one rounding of the exact result, in the operands' common format; Error if the formats differ or hold indices.
// NaR and NaN go in and come out; x/0 is NaR in posits, infinity (0/0: NaN) where the format has it, else the largest value or the format's NaN.
Number add(const Number& a, const Number& b, Rounding mode = Rounding::nearest, std::uint32_t draw = 0);
Number sub(const Number& a, const Number& b, Rounding mode = Rounding::nearest, std::uint32_t draw = 0);
Number mul(const Number& a, const Number& b, Rounding mode = Rounding::nearest, std::uint32_t draw = 0);
Number div(const Number& a, const Number& b, Rounding mode = Rounding::nearest, std::uint32_t draw = 0);
Number sqrt(const Number& a, Rounding mode = Rounding::nearest, std::uint32_t draw = 0);
Number fma(const Number& a, const Number& b, const Number& c, Rounding mode = Rounding::nearest, std::uint32_t draw = 0);

inline Number operator+(const Number& a, const Number& b) { return add(a, b); }
inline Number operator-(const Number& a, const Number& b) { return sub(a, b); }
inline Number operator*(const Number& a, const Number& b) { return mul(a, b); }
inline Number operator/(const Number& a, const Number& b) { return div(a, b); }

}  // namespace taper
