// The tests' own number formats: decoding by the field rules into exact rationals, rounding by searching the codes.  Shares nothing with formats/.
#pragma once

#include <gmpxx.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace taper::tests {

// An exact number, an infinity or NaN; the sign counts for zeros and infinities too.
struct Exact {
    enum Kind { finite, infinite, nan } kind = finite;
    bool negative = false;
    mpq_class magnitude = 0;
};

Exact exact(double x);
mpq_class power_of_two(int e);

Exact exact_add(const Exact& a, const Exact& b);
Exact exact_mul(const Exact& a, const Exact& b);
Exact exact_div(const Exact& a, const Exact& b);
Exact negated(Exact a);

enum class RefMode { nearest, zero };

class Reference {
  public:
    // The grammar of Format::parse, read by other code; throws std::runtime_error on what it does not know.
    explicit Reference(const std::string& name);

    int bits() const { return bits_; }
    Exact decode(std::uint64_t code) const;
    std::uint64_t round(const Exact& x, RefMode mode) const;
    std::uint64_t round_sqrt(const Exact& x) const;  // nearest

    // The neighbours of a finite x in value (lo <= x <= hi, equal where x is representable or beyond the ends), posits without 0 below minpos
    // unless they underflow; and (x - lo) / (hi - lo).
    struct Neighbours {
        std::uint64_t lo, hi;
        mpq_class up;
    };
    Neighbours neighbours(const Exact& x) const;

    bool is_nan(std::uint64_t code) const { return decode(code).kind == Exact::nan; }
    // Values at which rounding to nearest switches, and the values themselves: for every positive code up to the overflow threshold.
    std::vector<mpq_class> decision_points() const;

  private:
    Exact decode_element(std::uint64_t code) const;
    enum class Family { posit, floating, fixed, e8m0 };
    enum class Special { ieee, fn, fnuz, finite };
    mpq_class value(std::uint64_t magnitude_code) const;  // of a positive code
    mpq_class decision(std::uint64_t low) const;          // between codes low and low + 1
    mpq_class overflow_threshold() const;
    std::uint64_t max_magnitude(bool negative) const;
    std::uint64_t with_sign(std::uint64_t magnitude_code, bool negative) const;
    std::uint64_t overflow(bool negative) const;
    // compare(t): sign of |x| - t.
    std::uint64_t round_magnitude(const std::function<int(const mpq_class&)>& compare, bool negative, RefMode mode) const;
    std::uint64_t floor_code(const std::function<int(const mpq_class&)>& compare, bool negative) const;

    Family family_;
    Special special_ = Special::ieee;
    int bits_ = 0, a_ = 0, b_ = 0;  // posit: n, es; float: e, m; fixed: word, fraction
    int bias_ = 0;
    bool option_ = false;  // underflow, sat, symmetric
    mpq_class scale_ = 1;  // what follows "*"; values and decisions are the element's
    std::vector<mpq_class> values_, decisions_;  // of the positive codes where there are few
};

}  // namespace taper::tests
