// SerialSum against the recurrences on exact rationals: every accumulator, format, length and kind of data; published vectors.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include <taper/core/serial_sum.h>
#include <taper/formats/convert.h>

#include "support/accumulator_reference.h"
#include "support/golden.h"

namespace taper::tests {
namespace {

constexpr std::uint64_t seed = 0x1234567890abcdef, stream = 41;
constexpr int longest = 129;

bool is_length(int k) {
    for (const int length : {0, 1, 7, 8, 9, 31, 32, 33, 127, 128, 129}) {
        if (k == length) return true;
    }
    return false;
}

enum class Data { hostile, specials, network, log_normal };

// Values of a format: any code but infinities and NaN; any code; N(0, 1), half of it zeros; signed exp of N(0, 3).
class Values {
  public:
    Values(const Format& format, Data data, std::uint64_t number) : format_(format), data_(data), random_(number) {}
    double operator()() {
        if (data_ == Data::network) return random_() % 2 == 0 ? 0 : encoded(normal_(random_));
        if (data_ == Data::log_normal) return encoded((random_() % 2 == 0 ? 1 : -1) * std::exp(3 * normal_(random_)));
        for (;;) {
            const double x = decode_one(format_, random_() >> (64 - format_.bits()));
            if (data_ == Data::specials || std::isfinite(x)) return x;
        }
    }

  private:
    double encoded(double x) const { return decode_one(format_, encode_one(format_, x)); }
    Format format_;
    Data data_;
    std::mt19937_64 random_;
    std::normal_distribution<double> normal_;
};

bool same(const Exact& a, const Exact& b) {
    return a.kind == b.kind && (a.kind == Exact::nan || (a.negative == b.negative && (a.kind == Exact::infinite || a.magnitude == b.magnitude)));
}

// Equal codes; codes of NaN are equal.
bool same_code(const Format& y, std::uint64_t a, std::uint64_t b) { return a == b || (reference_of(y).is_nan(a) && reference_of(y).is_nan(b)); }

struct Operands {
    Format a, b, y;
    Data data;
    double bias;
    std::uint64_t output;
};

// All lengths of one sum.  The reference goes through the terms once, the sum anew for each length.
void check_lengths(const std::string& name, const Operands& o) {
    const Accumulator accumulator = Accumulator::parse(name);
    const RoundingMode mode{.mode = o.output % 3 == 2 ? Rounding::stochastic : Rounding::nearest, .draws = {seed, stream, 5}};
    std::vector<double> a, b;
    Values left(o.a, o.data, o.output), right(o.b, o.data, o.output + 1);
    SerialSum sum(accumulator, o.a, o.b, mode.draws);
    ReferenceSum reference(accumulator, seed, stream);
    reference.start(o.output, exact(o.bias));
    for (int length = 0; length <= longest; ++length) {
        if (length > 0) {
            a.push_back(left());
            b.push_back(right());
            reference.add(exact(a.back()), exact(b.back()));
        }
        if (!is_length(length)) continue;
        sum.start(o.output, o.bias);
        for (std::size_t k = 0; k < a.size(); ++k) sum.add(a[k], b[k]);
        const std::string where =
            name + ", " + o.a.name() + " . " + o.b.name() + " -> " + o.y.name() + ", K = " + std::to_string(length) + ", output " + std::to_string(o.output);
        ASSERT_TRUE(same(exact(sum.compensation()), reference.compensation())) << where;
        const std::uint64_t code = sum.finish(o.y, mode), want = reference.code(o.y, mode);
        ASSERT_TRUE(same_code(o.y, code, want)) << where << ": " << code << ", want " << want;
        ASSERT_EQ(sum.is_nan(), reference.sum().kind == Exact::nan) << where;
        ASSERT_TRUE(accumulator.kind() == Accumulator::Kind::exact || same(exact(sum.sum()), reference.sum())) << where;
    }
}

// The accumulators with F for a format and W for another.
std::vector<std::string> accumulators(const Format& f, const Format& w) {
    std::vector<std::string> names = {"float64",
                                      "exact",
                                      "exact(stochastic)",
                                      "rounded(F)",
                                      "rounded(F,stochastic)",
                                      "rounded(F,F)",
                                      "rounded(W,F,stochastic)",
                                      "chunked(8,exact,F)",
                                      "chunked(8,float64,W)",
                                      "chunked(7,rounded(W),F,stochastic)",
                                      "chunked(32,rounded(F,F,stochastic),W)",
                                      "chunked(1,compensated(W),F)",
                                      "chunked(31,exact,F,stochastic)",
                                      "compensated(F)",
                                      "compensated(F,stochastic)"};
    if (f.exact_in_float32() && w.exact_in_float32()) {
        names.insert(names.end(),
                     {"float32", "rounded_f32(F)", "rounded_f32(F,stochastic)", "chunked(8,float32,F)", "chunked(128,rounded_f32(W,stochastic),F,stochastic)"});
    }
    for (std::string& name : names) {
        for (std::size_t i = 0; i < name.size(); ++i) {
            if (name[i] == 'F' || name[i] == 'W') name.replace(i, 1, name[i] == 'F' ? f.name() : w.name());
        }
    }
    return names;
}

void check_formats(const std::string& first, const std::string& second, const std::string& other) {
    const Format a = Format::parse(first), b = Format::parse(second), w = Format::parse(other);
    std::uint64_t output = 0xfffffffd;  // beyond 32 bits after a few
    for (const std::string& name : accumulators(a, w)) {
        for (const Data data : {Data::hostile, Data::specials, Data::network, Data::log_normal}) {
            ++output;
            const double bias = output % 2 == 0 ? 0 : output % 4 == 1 ? 1.0 / 3 : -0.0;
            check_lengths(name, {a, b, output % 2 == 0 ? a : w, data, bias, output});
            if (::testing::Test::HasFatalFailure()) return;
        }
    }
}

class SerialSums : public ::testing::TestWithParam<std::array<const char*, 3>> {};
TEST_P(SerialSums, AgreeWithTheRecurrencesOnRationals) { check_formats(GetParam()[0], GetParam()[1], GetParam()[2]); }

using Names = std::array<const char*, 3>;  // operands, another format to sum in
INSTANTIATE_TEST_SUITE_P(Formats, SerialSums,
                         ::testing::Values(Names{"posit(6,1)", "posit(6,1)", "posit(8,2)"}, Names{"posit(8,0)", "posit(8,0)", "fp16"},
                                           Names{"posit(8,1)", "posit(8,1)", "posit(16,1)"}, Names{"posit(8,2)", "posit(8,2)", "posit(16,2)"},
                                           Names{"posit(8,2,underflow)", "posit(8,2,underflow)", "bf16"}, Names{"posit(16,1)", "posit(16,1)", "float32"},
                                           Names{"posit(16,2)", "posit(16,2)", "posit(32,2)"}, Names{"posit(32,2)", "posit(32,2)", "posit(16,2)"},
                                           Names{"e4m3", "e4m3", "fp16"}, Names{"e4m3,sat", "e4m3,sat", "bf16"}, Names{"e5m2", "e5m2", "fp16,sat"},
                                           Names{"bf16", "bf16", "float32"}, Names{"fp16", "fp16", "posit(16,1)"},
                                           Names{"fixed(8,4)", "fixed(8,4)", "fixed(16,8)"}, Names{"posit(8,2)", "e4m3", "e2m1"},
                                           Names{"bf16", "posit(16,1)", "e4m3fnuz"}, Names{"fixed(8,4)", "posit(8,0)", "e5m2,sat"},
                                           Names{"float32", "posit(8,2)", "fp16"}, Names{"posit(8,1)*0.125", "e4m3*16", "posit(8,2)*4"},
                                           Names{"fixed(8,4)*0.5", "posit(8,0)*2", "fp16*0.0625"}));

struct Dot {
    std::vector<std::uint64_t> a, b;
};

std::uint64_t dot(const Format& f, const Dot& d, const std::string& accumulator, double bias = 0) {
    SerialSum sum(Accumulator::parse(accumulator), f, f);
    sum.start(0, bias);
    for (std::size_t k = 0; k < d.a.size(); ++k) sum.add(decode_one(f, d.a[k]), decode_one(f, d.b[k]));
    return sum.finish(f);
}

Dot repeated(std::size_t n, std::uint64_t a, std::uint64_t b) { return {std::vector<std::uint64_t>(n, a), std::vector<std::uint64_t>(n, b)}; }

// Dot products of posit(8,2) on which the accumulators differ: quire, split, fused, float32, chunks of 4 exact terms.
TEST(SerialSum, AccumulatorsDiffer) {
    const Format p8 = Format::posit(8, 2);
    const char* names[] = {"exact", "rounded(posit(8,2),posit(8,2))", "rounded(posit(8,2))", "float32", "chunked(4,exact,posit(8,2))"};
    const struct {
        Dot dot;
        std::uint64_t want[5];
    } rows[] = {{repeated(32, 0x40, 0x40), {0x64, 0x60, 0x60, 0x64, 0x64}},
                {{{0x7f, 0x40, 0x7f}, {0x7f, 0x40, 0x81}}, {0x40, 0x00, 0x81, 0x00, 0x40}},
                {{{0xad, 0x3e, 0xb3, 0xcf, 0x53, 0xca, 0x42, 0x45}, {0xb0, 0xb5, 0xc4, 0x55, 0xb1, 0xb0, 0x32, 0x49}}, {0x53, 0x5a, 0x59, 0x53, 0x52}},
                {{{0xae, 0x6c, 0xd6, 0xac}, {0xbe, 0x1f, 0xff, 0x44}}, {0x51, 0x50, 0x50, 0x50, 0x51}},
                {repeated(4, 1, 1), {1, 1, 1, 1, 1}}};
    for (const auto& row : rows) {
        for (int i = 0; i < 5; ++i) EXPECT_EQ(dot(p8, row.dot, names[i]), row.want[i]) << names[i] << " " << row.dot.a.size();
    }
    const Format p80 = Format::posit(8, 0);  // 2 10 + 2 10 + 2 10 + 2 2 = 64
    const auto code = [&](double x) { return encode_one(p80, x); };
    const Dot sixty_four = {{code(2), code(2), code(2), code(2)}, {code(10), code(10), code(10), code(2)}};
    EXPECT_EQ(decode_one(p80, dot(p80, sixty_four, "exact")), 64);
    EXPECT_EQ(decode_one(p80, dot(p80, sixty_four, "rounded(posit(8,0),posit(8,0))")), 32);
}

// One rounding of the exact a b + s; through float32 or float64 first the code is another.
TEST(SerialSum, NoDoubleRounding) {
    const auto one = [](const char* format, double bias, double a, double b, const std::string& accumulator) {
        const Format f = Format::parse(format);
        return decode_one(f, dot(f, {{encode_one(f, a)}, {encode_one(f, b)}}, accumulator, bias));
    };
    EXPECT_EQ(one("posit(8,2)", 0x1p-24, 9, 2, "rounded(posit(8,2))"), 20);
    EXPECT_EQ(one("posit(8,2)", 0x1p-24, 9, 2, "rounded_f32(posit(8,2))"), 16);
    EXPECT_EQ(one("posit(8,2)", 0x1p-24, 9, 2, "rounded(posit(8,2),posit(8,2))"), 16);
    EXPECT_EQ(one("posit(8,2)", 0x1p-24, 1.75, 0.75, "rounded(posit(8,2))"), 1.375);  // 1.3125 + 2^-24
    EXPECT_EQ(one("posit(8,2)", 0x1p-24, 1.75, 0.75, "rounded_f32(posit(8,2))"), 1.25);
    EXPECT_EQ(one("e5m2", 0x1p-16, 192, 192, "rounded(e5m2)"), 40960);  // 36864 + 2^-16
    EXPECT_EQ(one("e5m2", 0x1p-16, 192, 192, "rounded_f32(e5m2)"), 32768);
    EXPECT_EQ(one("e5m2", 0x1p-16, 24, 12, "rounded(e5m2)"), 320);  // 288 + 2^-16
    EXPECT_EQ(one("e5m2", 0x1p-16, 24, 12, "rounded_f32(e5m2)"), 256);
    const Format p16 = Format::posit(16, 2);  // 696 640 - 2^-47, next to a tie that float64 cannot tell from it
    EXPECT_EQ(dot(p16, {{0x72b8}, {0x7280}}, "rounded(posit(16,2))", decode_one(p16, 0xfffb)), 0x7d59u);
    EXPECT_EQ(dot(p16, {{0x72b8}, {0x7280}}, "rounded_f32(posit(16,2))", decode_one(p16, 0xfffb)), 0x7d5au);
}

TEST(SerialSum, SumsOfOnesStagnate) {
    for (const auto& [name, want] : {std::pair<const char*, double>{"posit(8,0)", 8},
                                     {"posit(8,1)", 16},
                                     {"posit(8,2)", 16},
                                     {"posit(16,1)", 512},
                                     {"posit(16,2)", 1024},
                                     {"e4m3", 16},
                                     {"e5m2", 8},
                                     {"fp16", 2048},
                                     {"bf16", 256}}) {
        const Format f = Format::parse(name);
        const std::uint64_t one = encode_one(f, 1);
        EXPECT_EQ(decode_one(f, dot(f, repeated(3000, one, one), "rounded(" + f.name() + ")")), want) << name;
        EXPECT_EQ(dot(f, repeated(3000, one, one), "exact"), encode_one(f, 3000)) << name;
    }
}

// An exact partial sum meets s unrounded, also where float64 does not hold it.
TEST(SerialSum, ExactChunksAreNotRounded) {
    const Format p8 = Format::posit(8, 2);
    const auto c = [&](double x) { return encode_one(p8, x); };
    const Dot cancelling = {{c(0x1p24), c(0x1p-24), c(-0x1p24)}, {c(0x1p24), c(0x1p-20), c(0x1p24)}};
    EXPECT_EQ(dot(p8, cancelling, "chunked(3,exact,posit(8,2))"), c(0x1p-24));
    EXPECT_EQ(dot(p8, cancelling, "chunked(2,exact,posit(8,2))"), c(-0x1p24));
    EXPECT_EQ(dot(p8, cancelling, "chunked(3,float64,posit(8,2))"), 0u);
    const Dot tie = {{c(6), c(0x1p-24)}, {c(6), c(0x1p-24)}};  // 36 + 2^-48, just above a tie that goes to 32
    EXPECT_EQ(dot(p8, tie, "chunked(2,exact,posit(8,2))"), c(40));
    EXPECT_EQ(dot(p8, tie, "chunked(2,float64,posit(8,2))"), c(32));
    // 18 + 2^-24 next to a tie: the bias decides, though p alone would round down.
    EXPECT_EQ(dot(p8, {{c(9)}, {c(2)}}, "chunked(1,exact,posit(8,2))", 0x1p-24), c(20));
}

// NaN or NaR meets 0 and stays, also in a format that has no code for it and whatever follows.
TEST(SerialSum, NaNStays) {
    const Format p8 = Format::posit(8, 2), fixed = Format::fixed(8, 4);
    for (const char* name : {"float32", "float64", "exact", "rounded(fixed(8,4))", "rounded(fp16,e2m1)", "rounded_f32(e4m3,sat)", "compensated(fixed(8,4))",
                             "chunked(2,exact,fixed(8,4))", "chunked(2,rounded(fixed(8,4)),e2m1)", "rounded(fixed(8,4),stochastic)"}) {
        SerialSum sum(Accumulator::parse(name), p8, p8);
        sum.start(0);
        sum.add(NAN, 0);
        for (int k = 0; k < 5; ++k) sum.add(1, 1);
        EXPECT_EQ(sum.finish(p8), 0x80u) << name;
        EXPECT_TRUE(sum.is_nan()) << name;
        EXPECT_EQ(sum.finish(fixed), 0u) << name;
        sum.start(1, NAN);
        EXPECT_EQ(sum.finish(p8), 0x80u) << name;
        sum.start(2);
        EXPECT_EQ(sum.finish(p8), 0u) << name;
        EXPECT_FALSE(sum.is_nan()) << name;
    }
}

TEST(SerialSum, GoldenDotProducts) {
    for (const std::vector<std::string>& r : golden("posit_dot")) {
        const Format f = Format::posit(std::atoi(r[0].c_str()), std::atoi(r[1].c_str()));
        EXPECT_EQ(dot(f, {golden_codes(r[3]), golden_codes(r[4])}, "exact"), std::strtoull(r[5].c_str(), nullptr, 16))
            << f.name() << " " << r[3] << " . " << r[4];
    }
}

}  // namespace
}  // namespace taper::tests
