// Rounding on lanes, scalar and in vectors, against encode and decode of the same format: at every code, every decision point and their neighbours.
#include <cmath>
#include <limits>
#include <type_traits>

#include <taper/core/cpu/rounded_plan.h>

#include "core/ops_support.h"

namespace taper::tests {
namespace {

class RoundedKernels : public CoreOps {};

template <class Real>
Real round_scalar(const LaneRound<Real>& round, Real x) {
    switch (round.kind) {
        case RoundKind::posit:
            return round.posit(x);
        case RoundKind::minifloat:
            return round.minifloat(x);
        case RoundKind::fixed:
            return round.fixed(x);
        case RoundKind::narrowed:
            if constexpr (std::is_same_v<Real, float>) return round.narrowed(x);
            break;
        case RoundKind::half:
            return MinifloatRound<Real>(Minifloat{5, 10})(x);
        case RoundKind::none:
            break;
    }
    return x;
}

// Calls check(inputs) for blocks of all numbers with `bits` leading bits of a float, and the two neighbours of each on either side.
template <class Real, class Check>
void for_numbers_around(int bits, Check check) {
    using UInt = typename Lane<Real>::UInt;
    std::vector<Real> block;
    for (std::uint64_t head = 0; head < std::uint64_t{1} << bits; ++head) {
        const Real x = static_cast<Real>(bits_as<float>(static_cast<std::uint32_t>(head << (32 - bits))));
        for (const int step : {-1, 0, 1}) block.push_back(bits_as<Real>(bits_as<UInt>(x) + static_cast<UInt>(step)));
        if (block.size() < 3 * 4096) continue;
        check(block);
        block.clear();
    }
}

template <class Real>
class RoundCheck {
  public:
    RoundCheck(const Format& format, const LaneRound<Real>& round) : format_(format), round_(round) {}

    void operator()(const std::vector<Real>& x) {
        std::vector<char> codes(x.size() * 4);
        std::vector<Real> want(x.size()), got = by_kernel(x);
        encode(format_, x.data(), x.size(), codes.data());
        decode(format_, codes.data(), x.size(), want.data());
        for (std::size_t i = 0; i < x.size() && wrong_ < 3; ++i) {
            if (std::isnan(x[i])) want[i] = x[i];
            expect_same(x[i], got[i], want[i], "kernel");
            expect_same(x[i], round_scalar(round_, x[i]), want[i], "scalar");
        }
    }

  private:
    // r(1 x).
    std::vector<Real> by_kernel(const std::vector<Real>& x) const {
        const auto& kernels = cpu::rounded_kernels<Real>();
        const std::int64_t width = 4 * kernels.lanes;
        std::vector<Real> y(x.size());
        const Real one = 1;
        for (std::size_t i = 0; i < x.size(); i += static_cast<std::size_t>(width))
            kernels.product[static_cast<int>(round_.kind)](round_, {1, 1, 4, &one, x.data() + i, y.data() + i, nullptr});
        return y;
    }
    void expect_same(Real x, Real got, Real want, const char* what) {
        if (std::isnan(got) && std::isnan(want)) return;
        if (std::signbit(got) == std::signbit(want) && got == want) return;
        ++wrong_;
        ADD_FAILURE() << format_.name() << ", " << sizeof(Real) << " bytes, " << what << ": " << std::hexfloat << x << " gives " << got << ", want " << want;
    }
    Format format_;
    LaneRound<Real> round_;
    int wrong_ = 0;
};

// False where the lane cannot round into the format.
template <class Real>
bool check_format(const Format& format, int bits) {
    const auto plan = cpu::rounded_plan<Real>(Accumulator::rounded(format), Format::posit(8, 0), Format::posit(8, 0));
    if (!plan) return false;
    for_numbers_around<Real>(bits, RoundCheck<Real>(format, plan->round));
    return true;
}

std::vector<Format> formats_to_round_into() {
    std::vector<Format> formats;
    for (int n = 3; n <= 9; ++n) {
        for (int es = 0; es <= 4; ++es) {
            for (const Underflow underflow : {Underflow::to_minpos, Underflow::to_zero}) formats.push_back(Format::posit(n, es, underflow));
        }
    }
    for (int e = 1; e <= 8; ++e) {
        for (const int m : {1, 2, 3, 7}) {
            for (const Overflow overflow : {Overflow::ieee, Overflow::saturate}) formats.push_back(Format::minifloat(e, m, overflow));
        }
    }
    for (const Format& format : parse_all({"e4m3", "e4m3,sat", "e5m2,sat", "e4m3fnuz", "e5m2fnuz", "e4m3fnuz,sat", "e3m2", "e2m3", "e2m1", "fixed(8,4)",
                                           "fixed(8,4,symmetric)", "fixed(5,-2)", "fixed(8,60)", "fixed(1,0)", "fixed(9,3)", "fp16", "fp16,sat", "float(6,9)"}))
        formats.push_back(format);
    return formats;
}

// A format of p significant bits has its codes and decision points among the floats of 9 + p leading bits.
TEST_F(RoundedKernels, RoundAtEveryCodeAndDecisionPoint) {
    for (const Format& format : formats_to_round_into()) {
        const int bits = 9 + std::max(format.significand_bits(), 4);
        EXPECT_TRUE(check_format<double>(format, bits)) << format.name();
        EXPECT_TRUE(check_format<float>(format, bits)) << format.name();
        if (HasFailure()) return;
    }
}

TEST_F(RoundedKernels, RoundIntoWiderFormats) {
    for (const Format& format : parse_all({"posit(16,0)", "posit(16,1)", "posit(16,2)", "posit(16,1,underflow)", "posit(12,2)", "posit(15,3)", "bf16",
                                           "bf16,sat", "float(8,10)", "fixed(16,8)", "fixed(12,-3,symmetric)"})) {
        EXPECT_TRUE(check_format<float>(format, std::min(9 + format.significand_bits(), 23))) << format.name();
        EXPECT_TRUE(check_format<double>(format, std::min(9 + format.significand_bits(), 21))) << format.name();
        if (HasFailure()) return;
    }
}

TEST_F(RoundedKernels, DoublesRoundWhereFloatsAreTooNarrow) {
    for (const Format& format : parse_all(
             {"float32", "float32,sat", "posit(32,2)", "posit(32,0)", "posit(16,4)", "posit(28,1,underflow)", "fixed(24,12)", "float(8,22)", "float(5,23)"})) {
        EXPECT_FALSE(check_format<float>(format, 12)) << format.name();
        EXPECT_TRUE(check_format<double>(format, 20)) << format.name();
        if (HasFailure()) return;
    }
}

}  // namespace
}  // namespace taper::tests
