// ExactSum: a fixed-point register wide enough for any sum of products of two formats; the reference of exact accumulation.
#pragma once

#include <cstdint>
#include <vector>

#include <taper/formats/format.h>
#include <taper/formats/rounding.h>

namespace taper {

// Two's complement integer times 2^lsb.  Holds 2^62 products of the largest values of the two formats, and float64 biases
// that lie within their range.  Every format here has dyadic values, so every sum is exact and free of order.
class ExactSum {
  public:
    ExactSum(const Format& a, const Format& b);

    void clear();
    void add_product(double a, double b);  // a, b: decoded values of the two formats; NaN or infinity makes the sum NaN
    void add(double x);                    // a value of either format, or of any format of the same range (bias)
    // The exact sum, rounded once.
    std::uint64_t round_to(const Format& format, Rounding mode = Rounding::nearest, std::uint32_t draw = 0) const;

  private:
    void add_shifted(bool negative, unsigned __int128 magnitude, int exponent);
    int lsb_;
    bool nan_ = false;
    int infinity_ = 0;  // sign of an infinity that was added
    std::vector<std::uint64_t> limbs_;  // least significant first
};

}  // namespace taper
