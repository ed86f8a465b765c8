// RoundedOperation: an arithmetic operation on blocks of values, each exact result rounded once into a format.
#pragma once

#include <cstdint>

#include <taper/core/cpu/elementwise_kernels.h>
#include <taper/formats/format.h>
#include <taper/formats/rounding.h>
#include <taper/formats/unpacked.h>

namespace taper {

// Elements [begin, begin + count), count <= lane_block.
struct Block {
    std::int64_t begin, count;
};

// Values are doubles, which hold those of every format; a result is the value that its code stands for.
// `significand`: most significant bits that the operands' formats have (53 for float64).
class RoundedOperation {
  public:
    RoundedOperation(const Format& out, const RoundingMode& mode, int significand);

    // y[i] = r(a x[i]), r(sqrt(x[i])), r(x[i] op b[i]), r(a x[i] + b[i]), r(x[i] z[i] + b[i]); y may be an operand.  Draws by the index of the
    // element.  Return how many NaN had no code.
    std::size_t scale(const Block& block, double a, const double* x, double* y) const;
    std::size_t sqrt(const Block& block, const double* x, double* y) const;
    std::size_t add(const Block& block, const double* x, const double* b, double* y) const { return binary(Binary::add, block, x, b, y); }
    std::size_t sub(const Block& block, const double* x, const double* b, double* y) const { return binary(Binary::sub, block, x, b, y); }
    std::size_t mul(const Block& block, const double* x, const double* b, double* y) const { return binary(Binary::mul, block, x, b, y); }
    std::size_t div(const Block& block, const double* x, const double* b, double* y) const { return binary(Binary::div, block, x, b, y); }
    std::size_t multiply_add(const Block& block, double a, const double* x, const double* b, double* y) const;
    std::size_t multiply_add(const Block& block, const double* x, const double* z, const double* b, double* y) const;

  private:
    std::size_t binary(Binary op, const Block& block, const double* x, const double* b, double* y) const;
    std::size_t round(const Block& block, const double* unrounded, double* y) const;
    template <class Result>
    std::size_t one_by_one(const Block& block, const Result& result, double* y) const;

    Format out_;
    RoundingMode mode_;
    bool lanes_ = false;           // float64 arithmetic serves
    bool exact_products_ = false;  // float64 holds the product of two operands
    const ElementwiseLoops<double>* loops_;
};

}  // namespace taper
