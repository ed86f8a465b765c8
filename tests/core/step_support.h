// What the tests of the optimizer steps share: their roundings of exact numbers, codes to start from.
#pragma once

#include <taper/core/steps.h>

#include "core/ops_support.h"
#include "support/exact_reference.h"

namespace taper::tests {

using Codes = std::vector<std::uint64_t>;

// Rounds as a role says: its draws are those of element i and operation k.
class Rounder {
  public:
    template <class Step>
    Rounder(const Format& format, Rounding mode, const Step& step) : format_(format.name()), mode_(mode), seed_(step.seed), stream_(step.stream) {}

    std::uint64_t code(const Exact& x, std::uint64_t k, std::size_t i) const {
        if (mode_ != Rounding::stochastic || x.kind != Exact::finite) return format_.round(x, mode_ == Rounding::zero ? RefMode::zero : RefMode::nearest);
        const Reference::Neighbours between = format_.neighbours(x);
        const mpq_class draw(static_cast<unsigned long>(philox_draw(seed_, stream_ + k, i)));
        return draw < between.up * power_of_two(32) ? between.hi : between.lo;
    }
    Exact operator()(const Exact& x, std::uint64_t k, std::size_t i) const { return decode(code(x, k, i)); }
    Exact decode(std::uint64_t code) const { return format_.decode(code); }
    std::uint64_t code_of(const Exact& value) const { return format_.round(value, RefMode::nearest); }  // of a value that the format has
    Exact factor(double x) const { return decode(code_of(exact(x))); }

  private:
    Reference format_;
    Rounding mode_;
    std::uint64_t seed_, stream_;
};

// The operations that steps share; k is the number of the first rounding.
struct StepRounders {
    bool fused;
    Rounder state, held;

    Exact multiply_add(const Rounder& r, const Exact& a, const Exact& x, const Exact& b, std::uint64_t k, std::size_t i) const {
        const Exact product = exact_mul(a, x);
        return r(exact_add(fused ? product : r(product, k, i), b), k + 1, i);
    }
    // w -= lr d; k is the number of lr d.
    void descend(const Exact& lr, const Exact& d, Exact& w, Exact* c, std::uint64_t k, std::size_t i) const {
        const Exact product = exact_mul(lr, d), change = negated(fused ? product : held(product, k, i));
        if (c == nullptr) {
            w = held(exact_add(w, change), k + 1, i);
            return;
        }
        const Exact y = state(exact_add(*c, change), k + 3, i), t = held(exact_add(w, y), k + 1, i), gain = state(exact_add(t, negated(w)), k + 4, i);
        *c = state(exact_add(y, negated(gain)), k + 5, i);
        w = t;
    }
};

inline Codes normal_codes(const char* format, std::size_t n, std::uint64_t seed) {
    return format == nullptr ? Codes() : Tensor::from(normal_values(n, seed), {static_cast<std::int64_t>(n)}, Format::parse(format)).codes();
}
inline Codes any_codes(const char* format, std::size_t n, std::uint64_t seed) {
    return format == nullptr ? Codes() : random_codes(Format::parse(format), n, seed);
}
inline Codes zero_codes(const char* format, std::size_t n) { return Codes(format == nullptr ? 0 : n); }
using Fill = Codes (*)(const char*, std::size_t, std::uint64_t);

inline Tensor tensor_for(const char* format, const Codes& codes) { return format == nullptr ? Tensor() : tensor_of(codes, Format::parse(format)); }

inline void expect_same(const char* format, const Tensor& got, const Codes& want, const std::string& what) {
    if (format == nullptr) return;
    const Codes codes = codes_of(got);
    int wrong = 0;
    for (std::size_t i = 0; i < want.size() && wrong < 3; ++i)
        if (!same(Format::parse(format), codes[i], want[i]))
            ++wrong, ADD_FAILURE() << what << " " << format << " " << i << std::hex << " gave " << codes[i] << " want " << want[i];
}

}  // namespace taper::tests
