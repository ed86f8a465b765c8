// Random numbers: the generator's known answers, the stated formulas element by element, moments, threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include <omp.h>

#include <taper/core/random.h>
#include <taper/formats/convert.h>
#include <taper/formats/philox.h>

#include "support/throws.h"

namespace taper {
namespace {

void expect_words(const Philox4& got, std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    EXPECT_EQ(got.word[0], a);
    EXPECT_EQ(got.word[1], b);
    EXPECT_EQ(got.word[2], c);
    EXPECT_EQ(got.word[3], d);
}

// kat_vectors of Random123, philox4x32-10.
TEST(Philox, KnownAnswers) {
    expect_words(philox(0, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    expect_words(philox(~0ull, ~0ull, ~0ull), 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
    expect_words(philox(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e), 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
}

double unit(std::uint32_t low, std::uint32_t high) { return std::ldexp(static_cast<double>((std::uint64_t{high} << 32 | low) >> 11), -53); }

TEST(Random, FollowsTheStatedFormulas) {
    Generator generator(42);
    generator.next_stream();
    const auto normal = randn({2, 5001}, Format::float64(), {}, generator).to_vector_double();
    const auto even = uniform({10001}, -2, 3, Format::float64(), {}, generator).to_vector_double();
    EXPECT_EQ(generator.stream(), 3u);
    for (std::size_t i = 0; i < normal.size(); ++i) {
        const Philox4 a = philox(42, i / 2, 1), b = philox(42, i / 2, 2);
        const double u = unit(a.word[0], a.word[1]), v = unit(a.word[2], a.word[3]);
        const double radius = std::sqrt(-2 * std::log(u + 0x1p-53)), angle = 2 * 3.14159265358979323846 * v;
        EXPECT_NEAR(normal[i], radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle)), 1e-14);
        if (i < even.size()) {
            EXPECT_EQ(even[i], -2 + 5 * (i % 2 == 0 ? unit(b.word[0], b.word[1]) : unit(b.word[2], b.word[3])));
        }
    }
}

TEST(Random, RoundsOnceIntoTheFormat) {
    for (const char* name : {"posit(8,2)", "fp16", "fixed(8,4)", "float32"}) {
        const Format format = Format::parse(name);
        Generator a(9), b(9);
        const auto values = randn({3001}, Format::float64(), {}, a).to_vector_double();
        const auto codes = randn({3001}, format, {}, b).codes();
        for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(codes[i], encode_one(format, values[i])) << name;
    }
}

TEST(Random, Moments) {
    seed(5);
    const std::int64_t n = 1000000;
    const double root = std::sqrt(static_cast<double>(n));
    double sum = 0, squares = 0, fourth = 0, pairs = 0, before = 0;
    for (const double x : randn({n}, Format::float64()).to_vector_double()) {
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
        pairs += x * before;
        before = x;
    }
    EXPECT_NEAR(sum / n, 0, 5 / root);
    EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2.0) / root);
    EXPECT_NEAR(fourth / n, 3, 5 * std::sqrt(96.0) / root);
    EXPECT_NEAR(pairs / n, 0, 5 / root);
    sum = 0;
    const auto even = uniform({n}, 2, 6, Format::float64()).to_vector_double();
    for (const double x : even) sum += x;
    EXPECT_NEAR(sum / n, 4, 5 * 4 / std::sqrt(12.0) / root);
    EXPECT_GE(*std::min_element(even.begin(), even.end()), 2);
    EXPECT_LT(*std::max_element(even.begin(), even.end()), 6);
}

TEST(Random, ThreadsAndSeedsAndStreams) {
    const int before = omp_get_max_threads();
    const auto draw = [](int threads) {
        omp_set_num_threads(threads);
        seed(3);
        const auto first = randn({100001}).codes();
        return std::pair(first, uniform({50, 1000}, 0, 1).codes());
    };
    const auto one = draw(1), two = draw(2);
    omp_set_num_threads(before);
    EXPECT_EQ(one, two);
    seed(3);
    EXPECT_EQ(randn({100001}).codes(), one.first);
    EXPECT_NE(randn({100001}).codes(), one.first) << "the next stream";
    seed(4);
    EXPECT_NE(randn({100001}).codes(), one.first);
    Generator resumed;
    resumed.set(3, 1);
    EXPECT_EQ(uniform({50, 1000}, 0, 1, {}, default_device(), resumed).codes(), one.second);
}

TEST(Random, PermutationHoldsEachOnceAndIsFair) {
    Generator generator(1);
    std::map<std::vector<std::int32_t>, int> counts;
    const int trials = 24000;
    for (int t = 0; t < trials; ++t) ++counts[permutation(4, generator).to_int32_vector()];
    EXPECT_EQ(counts.size(), 24u);
    double chi = 0;
    for (const auto& [order, count] : counts) chi += (count - 1000.0) * (count - 1000.0) / 1000;
    EXPECT_LT(chi, 56) << "23 degrees of freedom, p = 1e-4";
    auto large = permutation(10007, generator).to_int32_vector();
    std::sort(large.begin(), large.end());
    for (int i = 0; i < 10007; ++i) ASSERT_EQ(large[static_cast<std::size_t>(i)], i);
    EXPECT_EQ(permutation(0).shape(), (Shape{0}));
}

TEST(Random, Errors) {
    using tests::error_of;
    EXPECT_EQ(error_of([] { randn({2}, Format::int32()); }), "randn: indices are not drawn: int32 (want a format with arithmetic)");
    EXPECT_EQ(error_of([] { uniform({2}, 1, 0); }), "uniform: no such interval: from 1 to 0 (want low <= high, both finite)");
    EXPECT_THROW(uniform({2}, std::nan(""), 0), Error);
    EXPECT_EQ(error_of([] { permutation(-1); }), "permutation: no such length: -1 (want 0 to 2^31 - 1)");
}

}  // namespace
}  // namespace taper
