// WideSums: the sums of one tile as fixed-point numbers of as many limbs as the formats ask for.
#pragma once

#include <cstdint>
#include <vector>

#include <taper/core/cpu/exact_kernels.h>
#include <taper/formats/unpacked.h>

namespace taper::cpu {

// Sum i of n is sum_s limb[s][i] 2^(lowest + s slice_bits); limbs are signed and may overlap until they are carried.
class WideSums {
  public:
    bool used() const { return !limbs_.empty(); }
    void start(const ExactKernels& kernels, const Slicing& slicing, std::int64_t n);
    // += integers[i] 2^(lowest + limb slice_bits), each below 2^51; n of them.
    void add_integers(const double* integers, int limb);
    void add_product(std::int64_t i, double a, double b);  // finite
    void add(std::int64_t i, double x);                    // finite
    void add(WideSums& other);                             // carries both
    void carry();
    // Of carried limbs.  x[i] = the sum rounded to odd, unless x[i] is not finite.
    void round_to_odd(double* x) const;
    Unpacked sum(std::int64_t i) const;

  private:
    void add_magnitude(std::int64_t i, bool negative, unsigned __int128 magnitude, int exponent);
    void count_addition();
    const ExactKernels* kernels_ = nullptr;
    Slicing slicing_;
    std::int64_t n_ = 0, additions_ = 0;  // since the last carry
    std::vector<std::int64_t> limbs_;     // [slices][n]
};

}  // namespace taper::cpu
