// Tensors: handles, codes, reading out, conversion.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <omp.h>

#include <taper/core/tensor.h>
#include <taper/formats/convert.h>
#include <taper/formats/philox.h>

#include "support/throws.h"

namespace taper {
namespace {

using tests::error_of;

const Format p8 = Format::posit(8, 2);
const float nan32 = std::numeric_limits<float>::quiet_NaN();

// Formats of every family and storage size.
const std::vector<Format>& formats() {
    static const std::vector<Format> list = [] {
        std::vector<Format> result;
        for (const char* name : {"posit(8,2)", "posit(6,0)", "posit(16,2)", "posit(32,2)", "posit(8,2,underflow)", "float32", "float64", "fp16", "bf16", "e4m3", "e5m2,sat", "e2m1",
                                 "e4m3fnuz", "float(6,9)", "fixed(8,4)", "fixed(16,8,symmetric)", "fixed(24,10)"}) {
            result.push_back(Format::parse(name));
        }
        return result;
    }();
    return list;
}

// Values over many binades, with zeros, infinities and, where asked for, NaN; element i is the same for any n.
std::vector<double> samples(std::size_t n, bool with_nan) {
    std::vector<double> result(n);
    for (std::size_t i = 0; i < n; ++i) {
        const Philox4 bits = philox(7, i, 0);
        const double mantissa = 1 + bits.word[0] * 0x1p-32;
        result[i] = std::ldexp(bits.word[1] % 2 == 0 ? mantissa : -mantissa, static_cast<int>(bits.word[2] % 40) - 20);
        if (bits.word[3] % 97 == 0) result[i] = 0;
        if (bits.word[3] % 97 == 1) result[i] = std::numeric_limits<double>::infinity();
        if (bits.word[3] % 97 == 2 && with_nan) result[i] = nan32;
    }
    return result;
}

TEST(Tensor, HandlesShareAndClonesDoNot) {
    Tensor a = Tensor::from({1, 2, 3, 4}, {2, 2}, p8);
    Tensor b = a, c = a.clone(), d = a.reshape({4});
    EXPECT_EQ(a.version(), 0u);
    a.assign(Tensor::from({5, 6, 7, 8}, {2, 2}, p8));
    EXPECT_EQ(a.version(), 1u);
    EXPECT_EQ(b.version(), 1u);
    EXPECT_EQ(d.version(), 1u);
    EXPECT_EQ(c.version(), 0u);
    EXPECT_EQ(b.to_vector(), (std::vector<float>{5, 6, 7, 8}));
    EXPECT_EQ(d.to_vector(), (std::vector<float>{5, 6, 7, 8}));
    EXPECT_EQ(c.to_vector(), (std::vector<float>{1, 2, 3, 4}));
    a.assign(b);
    EXPECT_EQ(a.version(), 2u);
    EXPECT_EQ(a.to_vector(), (std::vector<float>{5, 6, 7, 8}));
    a = c;
    EXPECT_EQ(b.to_vector(), (std::vector<float>{5, 6, 7, 8})) << "assigning a handle leaves the contents";
}

TEST(Tensor, AssignChecks) {
    const std::string here = default_device().name();
    Tensor a = Tensor::zeros({2, 2}, p8);
    EXPECT_EQ(error_of([&] { a.assign(Tensor::zeros({4}, p8)); }),
              "assign: tensors differ: posit(8,2) [4] on " + here + " into posit(8,2) [2, 2] on " + here + " (want the same shape, format and device)");
    EXPECT_THROW(a.assign(Tensor::zeros({2, 2})), Error);
    EXPECT_EQ(a.version(), 0u);
}

TEST(Tensor, Undefined) {
    const Tensor none;
    EXPECT_FALSE(none.defined());
    const std::string sentence = "tensor: it holds nothing: a default-constructed Tensor was used (want one made by from, zeros, empty or an op)";
    EXPECT_EQ(error_of([&] { none.shape(); }), sentence);
    EXPECT_EQ(error_of([&] { none.format(); }), sentence);
    EXPECT_EQ(error_of([&] { none.to_vector(); }), sentence);
    EXPECT_EQ(error_of([&] { none.to(p8); }), sentence);
    EXPECT_EQ(error_of([&] { none.clone(); }), sentence);
    EXPECT_EQ(error_of([&] { none.reshape({1}); }), sentence);
    EXPECT_EQ(error_of([&] { none.str(); }), sentence);
    EXPECT_EQ(error_of([&] { none.version(); }), sentence);
}

TEST(Tensor, Reshape) {
    const Tensor a = Tensor::zeros({2, 3, 4});
    EXPECT_EQ(a.reshape({6, -1}).shape(), (Shape{6, 4}));
    EXPECT_EQ(a.reshape({-1}).shape(), (Shape{24}));
    EXPECT_EQ(a.reshape({24}).storage(), a.storage());
    EXPECT_EQ(Tensor::zeros({0, 3}).reshape({5, -1}).shape(), (Shape{5, 0}));
    EXPECT_EQ(Tensor::zeros({1, 1}).reshape({}).rank(), 0);
    EXPECT_EQ(error_of([&] { a.reshape({5, -1}); }), "reshape: numbers of elements differ: [2, 3, 4] to [5, -1] (want 24 elements)");
    EXPECT_THROW(a.reshape({25}), Error);
    EXPECT_THROW(a.reshape({0, -1}), Error);
}

TEST(Tensor, CodesInAndOut) {
    for (const Format& format : formats()) {
        std::vector<std::uint64_t> codes;
        for (std::uint64_t i = 0; i < 300; ++i) codes.push_back(philox(3, i, 1).word[0] * 0x100000001ull & (format.bits() == 64 ? ~0ull : (1ull << format.bits()) - 1));
        const Tensor x = Tensor::from_codes(codes, {3, 100}, format);
        EXPECT_EQ(x.bytes(), 300u * static_cast<std::size_t>(format.storage_bytes()));
        EXPECT_EQ(x.storage()->bytes(), x.bytes());
        EXPECT_EQ(x.codes(), codes) << format.name();
        EXPECT_EQ(x.number(123), Number(format, codes[123])) << format.name();
        const std::vector<double> values = x.to_vector_double();
        for (std::size_t i = 0; i < codes.size(); ++i) {
            const double expected = decode_one(format, codes[i]);
            ASSERT_TRUE(values[i] == expected || (std::isnan(values[i]) && std::isnan(expected))) << format.name() << " " << codes[i];
        }
    }
    EXPECT_EQ(error_of([] { Tensor::from_codes(std::vector<std::uint64_t>{1, 64}, {2}, Format::posit(6, 0)); }),
              "Tensor::from_codes: a code has stray upper bits: 0x40 at 1 (want 6 bits of posit(6,0))");
}

TEST(Tensor, HostValuesAreRoundedToNearest) {
    const std::vector<double> values = samples(40000, false);
    const std::vector<float> floats(values.begin(), values.end());
    for (const Format& format : formats()) {
        const std::vector<std::uint64_t> from_double = Tensor::from(std::span<const double>(values), {200, 200}, format).codes();
        const std::vector<std::uint64_t> from_float = Tensor::from(std::span<const float>(floats), {40000}, format).codes();
        for (std::size_t i = 0; i < values.size(); ++i) {
            ASSERT_EQ(from_double[i], encode_one(format, values[i])) << format.name() << " " << values[i];
            ASSERT_EQ(from_float[i], encode_one(format, floats[i])) << format.name() << " " << floats[i];
        }
    }
}

TEST(Tensor, ConversionRoundsTheExactValueOnce) {
    for (const Format& from : formats()) {
        const Tensor x = Tensor::from(std::span<const double>(samples(5000, from.has_nan())), {5000}, from);
        const std::vector<double> values = x.to_vector_double();
        for (const Format& to : formats()) {
            for (const Rounding mode : {Rounding::nearest, Rounding::zero, Rounding::stochastic}) {
                const RoundingMode rounding{.mode = mode, .draws = {.seed = 11, .stream = 5, .first_index = 2}};
                const Tensor y = x.to(to, rounding);
                if (from == to) {
                    EXPECT_EQ(y.storage(), x.storage());
                    continue;
                }
                const bool loses_nan = from.has_nan() && !to.has_nan();
                if (loses_nan) {
                    EXPECT_THROW(y.codes(), Error) << from.name() << " to " << to.name();
                }
                const std::vector<std::uint64_t> codes = y.codes();
                for (std::size_t i = 0; i < values.size(); ++i) {
                    const std::uint64_t expected = encode_one(to, values[i], mode, philox_draw(11, 5, i + 2));
                    if (std::isnan(values[i]) && to.has_nan()) {
                        ASSERT_TRUE(std::isnan(decode_one(to, codes[i]))) << from.name() << " to " << to.name();
                    } else {
                        ASSERT_EQ(codes[i], std::isnan(values[i]) ? 0 : expected) << from.name() << " to " << to.name() << ", mode " << name(mode) << ", " << values[i];
                    }
                }
            }
        }
    }
}

// To a format and back, of lengths about those of vectors, blocks and what a table pays for.
TEST(Tensor, ConversionsOfEveryLength) {
    for (const char* name : {"posit(8,2)", "posit(6,1)", "e4m3", "fixed(8,4)", "posit(16,1)", "posit(12,2)", "fp16", "fixed(16,8)"}) {
        const Format format = Format::parse(name);
        for (const std::int64_t n : {1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 1023, 1024, 1025, 1027, 4095, 4097, 4098, 9001}) {
            std::vector<float> values(static_cast<std::size_t>(n));
            for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::ldexp(static_cast<float>(static_cast<int>(i * 37 % 101) - 50), static_cast<int>(i % 13) - 9);
            const Tensor there = Tensor::from(std::span<const float>(values), {n}).to(format);
            const std::vector<std::uint64_t> codes = there.codes();
            const std::vector<float> back = there.to(Format::float32()).to_vector();
            for (std::size_t i = 0; i < values.size(); ++i) {
                ASSERT_EQ(codes[i], encode_one(format, values[i])) << name << ", " << i << " of " << n;
                ASSERT_EQ(back[i], decode_one(format, codes[i])) << name << ", " << i << " of " << n;
            }
        }
    }
}

TEST(Tensor, StochasticConversionDoesNotDependOnThreads) {
    const Tensor x = Tensor::from(std::span<const double>(samples(100001, true)), {100001});
    const Tensor wide = x.to(Format::posit(32, 2));
    const int before = omp_get_max_threads();
    for (const Format& format : {p8, Format::posit(16, 1), Format::parse("fp16")}) {
        const RoundingMode mode{.mode = Rounding::stochastic, .draws = {.seed = 1, .stream = 2}};
        omp_set_num_threads(1);
        const auto one = x.to(format, mode).codes(), one_wide = wide.to(format, mode).codes();
        omp_set_num_threads(2);
        EXPECT_EQ(x.to(format, mode).codes(), one) << format.name();
        EXPECT_EQ(wide.to(format, mode).codes(), one_wide) << format.name();
        omp_set_num_threads(5);
        EXPECT_EQ(x.to(format, mode).codes(), one) << format.name();
    }
    omp_set_num_threads(before);
}

TEST(Tensor, FloatReadOutIsNearestAndOverflowsToInfinity) {
    const Tensor x = Tensor::from(std::span<const double>(std::vector<double>{1e300, -1e300, 1 + 0x1p-24, 1 + 0x1.8p-23, 1e-46}), {5}, Format::float64());
    const std::vector<float> y = x.to_vector();
    EXPECT_EQ(y[0], std::numeric_limits<float>::infinity());
    EXPECT_EQ(y[1], -std::numeric_limits<float>::infinity());
    EXPECT_EQ(y[2], 1.0f);
    EXPECT_EQ(y[3], 1 + 0x1p-22f);
    EXPECT_EQ(y[4], 0.0f);
}

TEST(Tensor, NanWithoutACode) {
    const Format fixed = Format::fixed(8, 4);
    EXPECT_EQ(error_of([&] { Tensor::from({1, nan32, nan32}, {3}, fixed); }), "Tensor::from: NaN has no code in fixed(8,4): 2 of 3 values are NaN (want a format with NaN, or numbers)");
    EXPECT_EQ(error_of([&] { Tensor::full({2}, nan32, fixed); }), "Tensor::full: NaN has no code in fixed(8,4): the value is NaN (want a format with NaN, or a number)");
    const Tensor y = Tensor::from({1, nan32, nan32}, {3}).to(fixed);
    EXPECT_EQ(error_of([&] { y.to_vector(); }),
              "to_vector: NaN met a format without a code for it and became 0: 2 since the last report (want a format with NaN)");
    EXPECT_EQ(y.to_vector(), (std::vector<float>{1, 0, 0})) << "reported once";
    const Tensor z = Tensor::from({nan32}, {1}).to(fixed);
    EXPECT_EQ(error_of([&] { z.item(); }).substr(0, 9), "item: NaN");
    const Tensor w = Tensor::from({nan32}, {1}).to(fixed);
    EXPECT_EQ(error_of([&] { w.number(0); }).substr(0, 11), "number: NaN");
    EXPECT_TRUE(std::isnan(Tensor::from({nan32}, {1}).to(p8).item())) << "NaR";
    EXPECT_EQ(Tensor::from({nan32}, {1}).to(p8).codes()[0], 0x80u);
}

TEST(Tensor, FillsAndSingleNumbers) {
    for (const Format& format : formats()) {
        EXPECT_EQ(Tensor::full({70000}, 0.75, format).codes(), std::vector<std::uint64_t>(70000, encode_one(format, 0.75))) << format.name();
        EXPECT_EQ(Tensor::zeros({3}, format).to_vector(), (std::vector<float>{0, 0, 0})) << format.name();
        EXPECT_EQ(Tensor::from_number(Number::from(0.3, format)).number(0), Number::from(0.3, format));
    }
    EXPECT_EQ(Tensor::full({}, 2.5).item(), 2.5);
    EXPECT_EQ(error_of([] { Tensor::zeros({2}).item(); }), "item: the tensor has not one element: [2] (want one element)");
    EXPECT_EQ(error_of([] { Tensor::zeros({2, 2}).number(4); }), "number: no such element: 4 of [2, 2] (want 0 to 3)");
    EXPECT_TRUE(Tensor::zeros({0, 4}, p8).codes().empty());
    EXPECT_TRUE(Tensor::zeros({0, 4}, p8).to(Format::float32()).clone().to_vector().empty());
}

TEST(Tensor, Indices) {
    const std::vector<std::int32_t> labels = {3, -1, std::numeric_limits<std::int32_t>::min()};
    const Tensor x = Tensor::from(std::span<const std::int32_t>(labels), {3});
    EXPECT_EQ(x.format(), Format::int32());
    EXPECT_EQ(x.to_int32_vector(), labels);
    EXPECT_EQ(x.to_vector(), (std::vector<float>{3, -1, -0x1p31f}));
    EXPECT_EQ(Tensor::from({7, 255}, {2}, Format::uint8()).to_int32_vector(), (std::vector<std::int32_t>{7, 255}));
    EXPECT_EQ(error_of([&] { x.to(p8); }), "to: indices are not converted: int32 to posit(8,2) (want formats with arithmetic; to_int32_vector() reads indices)");
    EXPECT_THROW(Tensor::zeros({2}).to(Format::int32()), Error);
    EXPECT_EQ(error_of([] { Tensor::zeros({1}).to_int32_vector(); }), "to_int32_vector: the tensor holds no indices: float32 (want int32 or uint8)");
}

TEST(Tensor, WrongNumberOfValues) {
    EXPECT_EQ(error_of([] { Tensor::from({1, 2, 3}, {2, 2}); }), "Tensor::from: number of values differs from the shape's: 3 for [2, 2] (want 4)");
    EXPECT_THROW(Tensor::from_codes(std::vector<std::uint64_t>{1}, {}, p8).reshape({2}), Error);
    EXPECT_THROW(Tensor::empty({2, -1}), Error);
    EXPECT_EQ(error_of([] { Tensor::empty({std::int64_t{1} << 61}, Format::float64()); }),
              "Tensor::empty: too many bytes: [2305843009213693952] of float64 (want less than 2^63)");
}

}  // namespace
}  // namespace taper
