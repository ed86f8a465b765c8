// ExactSum: a fixed-point register wide enough for any sum of products of two formats; the reference of exact accumulation.
#pragma once

#include <cstdint>
#include <string>

#include <taper/formats/format.h>
#include <taper/formats/limbs.h>
#include <taper/formats/rounding.h>

namespace taper {

// Two's complement integer times 2^lsb.  It starts wide enough for 2^62 products of the largest values of the two formats and grows
// where a term asks for more.  Every format here has dyadic values, so every sum is exact and free of order.
class ExactSum {
  public:
    ExactSum(const Format& a, const Format& b);

    void clear();
    // a, b: decoded values.  NaN or 0 inf makes the sum NaN; an infinite product makes it infinite, both signs of it NaN (posits: NaR).
    void add_product(double a, double b);
    void add(double x);  // any double: a bias
    bool is_nan() const { return nan_; }
    // The exact sum, rounded once; an exact 0 is +0.
    std::uint64_t round_to(const Format& format, Rounding mode = Rounding::nearest, std::uint32_t draw = 0) const;
    std::string text() const;  // the exact sum: a C hex float of as many digits as it takes, inf, -inf or nan

  private:
    void add_shifted(bool negative, unsigned __int128 magnitude, int exponent);
    void add_infinity(bool negative);
    void grow_below(int exponent);
    int lsb_;
    bool nan_ = false;
    int infinity_ = 0;  // sign of an infinity that was added
    Limbs limbs_;
};

}  // namespace taper
