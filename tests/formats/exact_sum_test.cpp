// ExactSum against GMP sums: golden dot products, random vectors, cancellation, specials.
#include <cmath>
#include <random>

#include <taper/formats/convert.h>
#include <taper/formats/exact_sum.h>
#include <taper/formats/number.h>

#include "support/level.h"
#include "support/exact_reference.h"
#include "support/golden.h"

namespace taper::tests {
namespace {

TEST(ExactSum, GoldenDotProducts) {
    for (const std::vector<std::string>& r : golden("posit_dot")) {
        const Format f = Format::posit(std::atoi(r[0].c_str()), std::atoi(r[1].c_str()));
        const std::vector<std::uint64_t> a = golden_codes(r[3]), b = golden_codes(r[4]);
        ASSERT_EQ(a.size(), b.size());
        ExactSum sum(f, f);
        for (std::size_t i = 0; i < a.size(); ++i) sum.add_product(decode_one(f, a[i]), decode_one(f, b[i]));
        EXPECT_EQ(sum.round_to(f), std::strtoull(r[5].c_str(), nullptr, 16)) << f.name() << " " << r[3] << " . " << r[4];
    }
}

void check_random(const std::string& first, const std::string& second, const std::string& output) {
    const Format a = Format::parse(first), b = Format::parse(second);
    const Reference reference(output);
    std::mt19937_64 draw(17);
    const auto value = [&](const Format& f) {
        for (;;) {
            const double x = decode_one(f, draw() >> (64 - f.bits()));
            if (std::isfinite(x)) return x;
        }
    };
    ExactSum sum(a, b);
    for (int round = 0; round < 40; ++round) {
        sum.clear();
        Exact want{};
        const int length = 1 + static_cast<int>(draw() % 40);
        double x = 0, y = 0;
        for (int i = 0; i < length; ++i) {
            const bool cancel = i % 5 == 4;
            x = cancel ? -x : value(a);
            y = cancel ? y : value(b);
            sum.add_product(x, y);
            want = exact_add(want, exact_mul(exact(x), exact(y)));
        }
        if (round % 2 == 0) {
            const double bias = round % 4 == 0 ? value(a) : 0.1;
            sum.add(bias);
            want = exact_add(want, exact(bias));
        }
        if (want.magnitude == 0) want.negative = false;
        for (const RefMode mode : {RefMode::nearest, RefMode::zero}) {
            const std::uint64_t got = sum.round_to(Format::parse(output), mode == RefMode::nearest ? Rounding::nearest : Rounding::zero);
            ASSERT_EQ(got, reference.round(want, mode)) << first << " " << second << " " << output << " round " << round;
        }
    }
}

TEST(ExactSum, RandomVectors) {
    check_random("posit(8,2)", "posit(8,2)", "posit(8,2)");
    check_random("posit(8,0)", "posit(8,0)", "posit(16,2)");
    check_random("posit(16,2)", "posit(8,1)", "posit(8,2)");
    check_random("posit(32,2)", "posit(32,2)", "posit(32,2)");
    check_random("posit(32,4)", "posit(32,4)", "posit(32,4)");
    check_random("e5m2", "e4m3", "fp16,sat");
    check_random("float32", "float32", "float32,sat");
    check_random("bf16", "float32", "float(8,22),sat");
    check_random("fixed(8,7)", "fixed(8,-4)", "fixed(16,8)");
    check_random("float64", "float64", "posit(32,2)");
}

TEST(ExactSum, OrderIsFree) {
    const Format f = Format::float32();
    ExactSum sum(f, f);
    const double big = 0x1.fffffep127, small = 0x1p-149;
    sum.add_product(small, small);
    for (int i = 0; i < 1000; ++i) sum.add_product(big, big);
    for (int i = 0; i < 1000; ++i) sum.add_product(-big, big);
    EXPECT_EQ(sum.round_to(Format::posit(32, 4)), encode_one(Format::posit(32, 4), 0x1p-298));
}

TEST(ExactSum, BiasBelowTheLowestBit) {
    const Format f = Format::posit(8, 0);
    ExactSum sum(f, f);
    sum.add_product(1.0, 1.0);
    sum.add(0x1p-300);
    EXPECT_EQ(sum.round_to(Format::float64(), Rounding::nearest), encode_one(Format::float64(), 1.0));
    sum.add_product(-1.0, 1.0);
    EXPECT_EQ(sum.round_to(Format::float64()), encode_one(Format::float64(), 0x1p-300));
    sum.add(0x1p600);
    sum.add(-0x1p600);
    EXPECT_EQ(sum.round_to(Format::float64()), encode_one(Format::float64(), 0x1p-300));
}

TEST(ExactSum, Specials) {
    const Format e5m2 = Format::parse("e5m2"), posit = Format::posit(8, 2);
    ExactSum sum(e5m2, e5m2);
    EXPECT_EQ(sum.round_to(e5m2), 0u);
    sum.add_product(INFINITY, 2.0);
    EXPECT_EQ(sum.round_to(e5m2), 0x7cu);
    EXPECT_EQ(sum.round_to(posit), 0x80u);
    sum.add_product(INFINITY, -2.0);
    EXPECT_TRUE(Number(e5m2, sum.round_to(e5m2)).is_nan());
    sum.clear();
    sum.add_product(NAN, 0.0);
    EXPECT_TRUE(Number(e5m2, sum.round_to(e5m2)).is_nan());
    EXPECT_EQ(sum.round_to(posit), 0x80u);
    sum.clear();
    sum.add_product(0.0, INFINITY);
    EXPECT_EQ(sum.round_to(posit), 0x80u);
}

// One rounding, stochastic: up iff draw < 2^32 (x - lo) / (hi - lo).
TEST(ExactSum, StochasticRounding) {
    const Format f = Format::posit(8, 2);
    ExactSum sum(f, f);
    sum.add_product(1.0, 1.0);
    sum.add_product(0.03125, 1.0);  // 1 + 1/32 between 1 and 1 + 1/8: a quarter
    EXPECT_EQ(sum.round_to(f, Rounding::stochastic, 0x3fffffffu), 0x41u);
    EXPECT_EQ(sum.round_to(f, Rounding::stochastic, 0x40000000u), 0x40u);
    sum.add_product(0x1p-24, 0x1p-24);  // a little more
    EXPECT_EQ(sum.round_to(f, Rounding::stochastic, 0x40000000u), 0x41u);
    EXPECT_EQ(sum.round_to(f, Rounding::stochastic, 0x40000001u), 0x40u);
}

}  // namespace
}  // namespace taper::tests
