// Code-to-code tables of unary ops on formats of at most 8 bits.
#pragma once

#include <memory>
#include <vector>

#include <taper/core/elementwise.h>
#include <taper/formats/format.h>
#include <taper/formats/rounding.h>

namespace taper {

struct UnaryTable {
    std::vector<std::uint64_t> storage;  // 256 codes of the output, each as wide as its format stores it
    bool makes_nan = false;              // some result is a NaN that the output has no code for (it is 0 in the table)
    std::vector<bool> is_lost;           // which, by code
};

// The table of y = r(op(x, a)), correctly rounded; mode is nearest or zero.  Built once and kept while others do not push it out.
std::shared_ptr<const UnaryTable> unary_table(Unary op, double a, const Format& in, const Format& out, Rounding mode);

}  // namespace taper
