// Format: an element format as a run-time value — a family with its parameters, and how values are scaled.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include <taper/formats/e8m0.h>
#include <taper/formats/fixed.h>
#include <taper/formats/identity.h>
#include <taper/formats/minifloat.h>
#include <taper/formats/posit.h>

namespace taper {

// How the values of a tensor are scaled.  constant: by one power of two, which is part of the format.
enum class Scaling : std::uint8_t { none, constant };

// Type in which ops compute on decoded values: float32 where it holds every value of the format, else float64.
enum class ComputeType : std::uint8_t { float32, float64 };

class Format {
  public:
    // Every family is one alternative; visit() is the only bridge to compile-time code.
    using Family = std::variant<Float32, Float64, Int32, UInt8, Posit, Minifloat, E8M0, Fixed>;

    Format() = default;  // float32

    static Format float32();
    static Format float64();
    static Format int32();  // indices and labels; no arithmetic
    static Format uint8();  // indices within a pooling window; no arithmetic
    static Format posit(int n, int es, Underflow underflow = Underflow::to_minpos);      // 2 <= n <= 32, 0 <= es <= 4
    static Format minifloat(int exponent, int mantissa, Overflow overflow = Overflow::ieee);  // IEEE-like, e in 1..8, m in 1..23
    static Format fixed(int word, int fraction, FixedRange range = FixedRange::full);         // 1 <= word <= 24

    // The grammar of names (docs/names.md): posit(8,2), bf16, e4m3,sat, fixed(8,4,symmetric), posit(8,1)*0.25, ...  Throws Error on anything else.
    static Format parse(std::string_view text);
    std::string name() const;  // canonical; parse(name()) == *this

    int bits() const;           // of one code
    int storage_bytes() const;  // of one element in a tensor: 1, 2, 4 or 8
    double max() const;          // largest finite value
    double min_positive() const; // smallest positive value
    double epsilon() const;      // distance from 1 to the next larger value (fixed: its step)
    int significand_bits() const;  // most significant bits that any value has, the leading one included
    int max_exponent() const;      // floor(log2(max))
    int min_exponent() const;      // exponent of the lowest bit that any value has
    bool has_nan() const;          // a code for NaN, or NaR
    bool is_index() const;         // int32, uint8: no arithmetic
    bool exact_in_float32() const;
    bool exact_in_bfloat16() const;
    bool exact_in_float16() const;
    ComputeType compute_type() const;
    Scaling scaling() const { return scale_exponent_ == 0 ? Scaling::none : Scaling::constant; }

    // The constant scale s: the value of a code is s times what the element, the family, makes of it, and x is rounded as x / s is by the element.
    // ("Exponent bias"; Qtorch+ multiplies by its scale before rounding and divides behind it: its scale is 1 / s.)
    double scale() const;
    int scale_exponent() const { return scale_exponent_; }  // log2 s
    // The same element with the scale s = 2^k.  Throws Error on other numbers, whose multiples no compute type would hold, where a value would
    // leave [2^-480, 2^480], and for float32, float64 and indices.
    Format scaled(double scale) const;
    Format element() const { return Format(family_, 0); }  // without the scale

    // The saturating variant (",sat"): itself where overflow saturates anyway.
    Format saturating() const;

    const Family& family() const { return family_; }  // of the element
    friend bool operator==(const Format&, const Format&) = default;

  private:
    template <class T>
    explicit Format(T family, int scale_exponent = 0) : family_(family), scale_exponent_(static_cast<std::int16_t>(scale_exponent)) {}
    Family family_ = Float32{};
    std::int16_t scale_exponent_ = 0;
};

// Calls f with the concrete family, which knows nothing of the scale, e.g. visit(format, [](auto family) { return family.bits(); }).
template <class F>
decltype(auto) visit(const Format& format, F&& f) {
    return std::visit(static_cast<F&&>(f), format.family());
}

}  // namespace taper
