// Stochastic rounding: neighbours, frequencies, exact thresholds, and draws that depend on the element's index alone.
#include <cmath>
#include <cstring>
#include <random>

#include <taper/formats/convert.h>
#include <taper/formats/philox.h>

#include "support/level.h"
#include "support/exact_reference.h"

namespace taper::tests {
namespace {

const std::vector<std::string> formats = {"posit(8,0)",  "posit(8,1)", "posit(8,2)", "posit(8,3)", "posit(6,4)", "posit(16,2)", "posit(16,1)",  "posit(32,2)", "posit(8,2,underflow)", "posit(4,2,underflow)", "fp16",
                                          "bf16",        "e4m3",       "e4m3,sat",   "e5m2",       "e2m1",       "e4m3fnuz",    "float(6,9)",   "fixed(8,4)",  "fixed(8,7,symmetric)", "e8m0",                 "float32",
                                          "posit(8,1)*0.125", "e4m3*64", "posit(4,2,underflow)*1024", "fixed(8,4)*0.5"};

std::uint64_t load(const std::vector<char>& codes, std::size_t bytes, std::size_t i) {
    std::uint64_t code = 0;
    std::memcpy(&code, codes.data() + i * bytes, bytes);
    return code;
}

// Inputs in the formats' range, with those where posits cut exponent bits, below minpos and beyond the largest value.
std::vector<double> inputs_for(const Format& f) {
    std::mt19937_64 draw(5);
    std::vector<double> x = {f.max() * 0.99, f.max() * 1.5, -f.max() * 7, f.min_positive() * 0.3, f.min_positive() * 0.75, -f.min_positive() * 0.1, f.min_positive() * 1.3};
    for (int i = 0; i < 60; ++i) {
        const int low = f.min_exponent() < -300 ? -300 : f.min_exponent(), high = f.max_exponent() > 300 ? 300 : f.max_exponent();
        const int e = low + static_cast<int>(draw() % static_cast<unsigned>(high - low + 1));
        x.push_back(std::ldexp(1.0 + static_cast<double>(draw() >> 12) * 0x1p-52, e) * (i % 2 == 0 ? 1 : -1));
    }
    return x;
}

// up iff draw < 2^32 (x - lo) / (hi - lo), compared exactly: checked at the threshold itself.
TEST(Stochastic, ThresholdIsExact) {
    for (const std::string& name : formats) {
        const Format f = Format::parse(name);
        const Reference reference(name);
        for (const double x : inputs_for(f)) {
            const Reference::Neighbours want = reference.neighbours(exact(x));
            if (name == "e8m0" && x < 0) continue;
            const mpq_class level = want.up * power_of_two(32);
            mpz_class below = level.get_num() / level.get_den();  // floor: draws below it go up; it does too where it is less than the level
            const auto expect = [&](const mpz_class& draw) {
                if (draw < 0 || draw > 4294967295u) return;
                const std::uint64_t code = mpq_class(draw) < level ? want.hi : want.lo;
                EXPECT_EQ(encode_one(f, x, Rounding::stochastic, static_cast<std::uint32_t>(draw.get_ui())), code) << name << " " << std::hexfloat << x << " draw " << draw;
            };
            for (int d = -2; d <= 2; ++d) expect(below + d);
            for (const unsigned draw : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) expect(draw);
        }
    }
}

TEST(Stochastic, FrequenciesWithinFourSigma) {
    constexpr std::size_t n = 20000;
    for (const std::string& name : formats) {
        const Format f = Format::parse(name);
        const Reference reference(name);
        const std::size_t bytes = static_cast<std::size_t>(f.storage_bytes());
        std::vector<char> codes(n * bytes);
        std::uint64_t stream = 0;
        for (const double x : inputs_for(f)) {
            if (name == "e8m0" && x < 0) continue;
            if (++stream > 24) break;
            const std::vector<double> xs(n, x);
            encode(f, xs.data(), n, codes.data(), {Rounding::stochastic, {42, stream, 0}});
            const Reference::Neighbours want = reference.neighbours(exact(x));
            std::size_t ups = 0;
            for (std::size_t i = 0; i < n; ++i) {
                const std::uint64_t code = load(codes, bytes, i);
                ASSERT_TRUE(code == want.lo || code == want.hi) << name << " " << x;
                ups += want.lo != want.hi && code == want.hi ? 1 : 0;
            }
            const double p = want.up.get_d(), sigma = std::sqrt(p * (1 - p) / n);
            EXPECT_LE(std::fabs(static_cast<double>(ups) / n - p), 4 * sigma + 1e-12) << name << " " << std::hexfloat << x << " p " << p;
        }
    }
}

TEST(Stochastic, ElementIndexAloneDecides) {
    std::mt19937_64 draw(9);
    std::normal_distribution<float> normal;
    std::vector<float> x(1003);
    for (float& v : x) v = normal(draw);
    for (const std::string& name : formats) {
        const Format f = Format::parse(name);
        const std::size_t bytes = static_cast<std::size_t>(f.storage_bytes());
        std::vector<char> whole(x.size() * bytes), parts(x.size() * bytes);
        const Draws draws{123456789012345ull, 77, 5};
        encode(f, x.data(), x.size(), whole.data(), {Rounding::stochastic, draws});
        const Encoder encoder(f, {Rounding::stochastic, draws});
        for (std::size_t at = 0, length = 1; at < x.size(); at += length, length = length * 2 + 1) {
            length = std::min(length, x.size() - at);
            if (length % 2 == 0) encoder(x.data() + at, length, parts.data() + at * bytes, at);
            else encode(f, x.data() + at, length, parts.data() + at * bytes, {Rounding::stochastic, {draws.seed, draws.stream, draws.first_index + at}});
        }
        EXPECT_EQ(whole, parts) << name;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const std::uint32_t word = philox_draw(draws.seed, draws.stream, draws.first_index + i);
            EXPECT_EQ(load(whole, bytes, i), encode_one(f, static_cast<double>(x[i]), Rounding::stochastic, word)) << name << " " << i;
        }
    }
}

TEST(Stochastic, SpecialsAndExactValuesDoNotMove) {
    for (const std::string& name : formats) {
        const Format f = Format::parse(name);
        for (const std::uint32_t draw : {0u, 0xffffffffu}) {
            for (std::uint64_t code = 0; code < std::uint64_t{1} << std::min(f.bits(), 8); ++code) {
                const double value = decode_one(f, code);
                if (std::isnan(value) || std::isinf(value) || (f.family().index() == Format::fixed(8, 7).family().index() && value < -f.max())) continue;
                EXPECT_EQ(encode_one(f, value, Rounding::stochastic, draw), code) << name;
            }
        }
    }
    EXPECT_EQ(encode_one(Format::parse("fp16"), INFINITY, Rounding::stochastic, 1), 0x7c00u);
    EXPECT_EQ(encode_one(Format::parse("fp16"), 1e9, Rounding::stochastic, 0xffffffffu), 0x7bffu);
    EXPECT_EQ(encode_one(Format::posit(8, 2), 1e30, Rounding::stochastic, 0), 0x7fu);
}

// Vectors of the authors' library Random123 (kat_vectors), Philox4x32-10.
TEST(Philox, KnownAnswers) {
    const Philox4 zero = philox(0, 0, 0);
    EXPECT_EQ(zero.word[0], 0x6627e8d5u);
    EXPECT_EQ(zero.word[1], 0xe169c58du);
    EXPECT_EQ(zero.word[2], 0xbc57ac4cu);
    EXPECT_EQ(zero.word[3], 0x9b00dbd8u);
    const Philox4 ones = philox(~0ull, ~0ull, ~0ull);
    EXPECT_EQ(ones.word[0], 0x408f276du);
    EXPECT_EQ(ones.word[1], 0x41c83b0eu);
    EXPECT_EQ(ones.word[2], 0xa20bc7c6u);
    EXPECT_EQ(ones.word[3], 0x6d5451fdu);
    const Philox4 pi = philox(0x299f31d0a4093822ull, 0x85a308d3243f6a88ull, 0x0370734413198a2eull);
    EXPECT_EQ(pi.word[0], 0xd16cfe09u);
    EXPECT_EQ(pi.word[1], 0x94fdccebu);
    EXPECT_EQ(pi.word[2], 0x5001e420u);
    EXPECT_EQ(pi.word[3], 0x24126ea1u);
    EXPECT_EQ(philox_draw(0, 0, 2), 0xbc57ac4cu);
}

}  // namespace
}  // namespace taper::tests
