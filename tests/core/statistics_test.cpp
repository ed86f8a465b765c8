// Statistics: every counter against a plain loop over decoded elements, by codes and one by one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <taper/core/statistics.h>
#include <taper/formats/convert.h>
#include <taper/formats/philox.h>

#include "support/throws.h"

namespace taper::core {
namespace {

using tests::error_of;

// Codes of the formats' ends and middles, and draws over all codes; `count` of them.
Tensor tensor_of(const Format& format, std::int64_t count) {
    std::vector<std::uint64_t> codes;
    const std::uint64_t mask = format.bits() == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << format.bits()) - 1;
    for (const double x : {0.0, 1.0, -1.0, 0.3, -3e-7, 5e5, 1e300, -1e300, 1e-300}) codes.push_back(encode_one(format, x));
    while (static_cast<std::int64_t>(codes.size()) < count) {
        const auto i = codes.size();
        codes.push_back((std::uint64_t{philox_draw(3, 1, i)} << 32 | philox_draw(3, 2, i)) & mask);
    }
    codes.resize(static_cast<std::size_t>(count));
    return Tensor::from_codes(codes, {count}, format);
}

// The definitions in core/statistics.h, one element at a time.
Statistics plain(const Tensor& x) {
    const Format& format = x.format();
    double lowest = 0, highest = 0, smallest = std::numeric_limits<double>::infinity();
    if (format.bits() <= 16) {
        for (std::uint64_t code = 0; code < std::uint64_t{1} << format.bits(); ++code) {
            const double v = decode_one(format, code);
            if (!std::isfinite(v) || encode_one(format, v) != code) continue;  // a symmetric format never rounds to its unused code
            lowest = std::min(lowest, v);
            highest = std::max(highest, v);
            if (v != 0) smallest = std::min(smallest, std::fabs(v));
        }
    } else {
        lowest = format.name() == "fixed(24,10)" ? -std::ldexp(1.0, 13) : -format.max();
        highest = format.max();
        smallest = format.min_positive();
    }
    Statistics s;
    for (const double v : x.to_vector_double()) {
        ++s.elements;
        s.zeros += v == 0;
        s.nan += std::isnan(v);
        s.infinite += std::isinf(v);
        if (!std::isfinite(v) || v == 0) continue;
        s.saturated += v == highest || v == lowest;
        s.smallest += std::fabs(v) == smallest;
        s.sum += std::fabs(v);
        s.max = std::max(s.max, std::fabs(v));
        const double exponent = std::floor(std::log2(std::fabs(v)));
        std::size_t bin = 0;
        while (bin + 1 < Statistics::bins && exponent >= Statistics::lowest + static_cast<int>(bin)) ++bin;
        ++s.binades[bin];
    }
    return s;
}

TEST(Statistics, CountersEqualAPlainLoop) {
    for (const char* name : {"posit(8,2)", "posit(6,0)", "posit(16,2)", "posit(32,2)", "posit(8,2,underflow)", "float32", "float64", "fp16", "bf16", "e4m3",
                             "e5m2", "e5m2,sat", "e2m1", "e4m3fnuz", "e8m0", "fixed(8,4)", "fixed(1,0)", "fixed(16,8,symmetric)", "fixed(24,10)"}) {
        for (const std::int64_t count : {std::int64_t{0}, std::int64_t{20}, std::int64_t{5003}, std::int64_t{70001}}) {
            const Tensor x = tensor_of(Format::parse(name), count);
            Statistics wanted = plain(x), got = statistics(x);
            EXPECT_TRUE(got.sum == wanted.sum || std::fabs(got.sum - wanted.sum) <= 1e-12 * wanted.sum) << name << " " << got.sum << " " << wanted.sum;
            got.sum = wanted.sum;
            EXPECT_EQ(got, wanted) << name << " " << count;
        }
    }
}

TEST(Statistics, SeesEndsZerosAndNonNumbers) {
    const Format p8 = Format::posit(8, 2), e5m2 = Format::parse("e5m2"), fixed = Format::parse("fixed(8,4)");
    const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> values{1e30, -1e30, 1e-30, -1e-30, 0, 1, 3, inf, nan};
    const Statistics posit = statistics(Tensor::from(values, {9}, p8));
    EXPECT_EQ(posit.saturated, 2);
    EXPECT_EQ(posit.smallest, 2);
    EXPECT_EQ(posit.zeros, 1);
    EXPECT_EQ(posit.nan, 2);  // an infinity too is NaR
    EXPECT_EQ(posit.infinite, 0);
    EXPECT_EQ(posit.max, p8.max());
    EXPECT_EQ(posit.binades[1 + 0 - Statistics::lowest], 1);
    EXPECT_EQ(posit.binades[1 + 1 - Statistics::lowest], 1);
    const Statistics small_float = statistics(Tensor::from(values, {9}, e5m2));
    EXPECT_EQ(small_float.saturated, 0);
    EXPECT_EQ(small_float.infinite, 3);
    EXPECT_EQ(small_float.zeros, 3);
    EXPECT_EQ(small_float.nan, 1);
    EXPECT_EQ(small_float.mean(), 2 / 2.5);
    // -8 is the lowest value of fixed(8,4), -7.9375 is not.
    const Statistics point = statistics(Tensor::from({-8.0f, -7.9375f, 7.9375f, 0.0625f}, {4}, fixed));
    EXPECT_EQ(point.saturated, 2);
    EXPECT_EQ(point.smallest, 1);
}

TEST(Statistics, OfSeveralTensorsAdd) {
    const Format p8 = Format::posit(8, 2);
    const Tensor a = tensor_of(p8, 300), b = tensor_of(p8, 77);
    Statistics sum = statistics(a);
    sum.add(statistics(b));
    std::vector<std::uint64_t> codes = a.codes();
    for (const std::uint64_t code : b.codes()) codes.push_back(code);
    Statistics whole = statistics(Tensor::from_codes(codes, {377}, p8));
    EXPECT_NEAR(sum.sum, whole.sum, 1e-9 * whole.sum);
    whole.sum = sum.sum;
    EXPECT_EQ(sum, whole);
    EXPECT_EQ(Statistics{}.mean(), 0);
}

TEST(Statistics, CountsWhatIsOutOfRange) {
    const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    const Tensor x = Tensor::from({1e-9f, -1e-9f, 0, 1, 500, -500, 448, 7.96f, -8, inf, nan, -0.04f}, {12});
    EXPECT_EQ(out_of_range(x, Format::parse("e4m3")), (OutOfRange{.underflow = 2, .overflow = 2}));
    EXPECT_EQ(out_of_range(x, Format::parse("fixed(8,4)")), (OutOfRange{.underflow = 3, .overflow = 4}));
    EXPECT_EQ(out_of_range(x, Format::posit(8, 0)), (OutOfRange{.underflow = 2, .overflow = 3}));
    EXPECT_EQ(out_of_range(x, Format::float32()), OutOfRange{});
    OutOfRange sum{.underflow = 1, .overflow = 2};
    sum.add({.underflow = 3, .overflow = 5});
    EXPECT_EQ(sum, (OutOfRange{.underflow = 4, .overflow = 7}));
}

TEST(Statistics, RefusesIndices) {
    const Tensor labels = Tensor::from(std::vector<std::int32_t>{1, 2}, {2}), x = Tensor::zeros({2});
    EXPECT_EQ(error_of([&] { statistics(labels); }), "statistics: an index format: int32 (want a format with arithmetic)");
    EXPECT_EQ(error_of([&] { out_of_range(labels, x.format()); }), "out_of_range: an index format: int32 (want a format with arithmetic)");
    EXPECT_EQ(error_of([&] { out_of_range(x, Format::uint8()); }), "out_of_range: an index format: uint8 (want a format with arithmetic)");
}

}  // namespace
}  // namespace taper::core
