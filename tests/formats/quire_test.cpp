// Quire against GMP integers: every operation, overflow, NaR; the standard's layout; golden and published dot products.
#include <gtest/gtest.h>

#include <random>

#include <taper/formats/convert.h>
#include <taper/formats/quire.h>

#include "support/exact_reference.h"
#include "support/golden.h"
#include "support/throws.h"

namespace taper::tests {
namespace {

// The register as an integer in units of minpos^2.
struct Model {
    Reference reference;
    int bits;  // of the register
    mpz_class units = 0;
    bool nar = false;

    Model(const std::string& name, int width) : reference(name), bits(width) {}

    void add(const Exact& x, int sign) {
        nar = nar || x.kind == Exact::nan;
        const mpq_class minpos = reference.decode(1).magnitude, scaled = x.magnitude / (minpos * minpos);
        ASSERT_EQ(scaled.get_den(), 1);
        units += (x.negative ? -sign : sign) * scaled.get_num();
        settle();
    }
    void settle() {
        mpz_class end = 1;
        end <<= static_cast<unsigned>(bits - 1);
        nar = nar || abs(units) >= end;
        if (nar) units = 0;
    }
    std::string hex() const {
        mpz_class one = 1, code = nar ? mpz_class(one << static_cast<unsigned>(bits - 1)) : units;
        if (code < 0) code += one << static_cast<unsigned>(bits);
        std::string digits = code.get_str(16);
        return std::string(static_cast<std::size_t>(bits / 4) - digits.size(), '0') + digits;
    }
    std::uint64_t rounded() const {
        const mpq_class minpos = reference.decode(1).magnitude;
        if (nar) return reference.round({Exact::nan, false, 0}, RefMode::nearest);
        return reference.round({Exact::finite, units < 0, mpq_class(abs(units)) * minpos * minpos}, RefMode::nearest);
    }
};

class Quires : public ::testing::TestWithParam<const char*> {};

TEST_P(Quires, EveryOperationAgainstIntegers) {
    const Format f = Format::parse(GetParam());
    Quire q(f);
    std::mt19937_64 random(3);
    Model want(GetParam(), q.width());
    const auto any = [&] { return Number(f, random() % 500 == 0 ? std::uint64_t{1} << (f.bits() - 1) : random() >> (64 - f.bits())); };
    for (int step = 0; step < 6000; ++step) {
        const Number x = any(), y = any();
        const Exact ex = want.reference.decode(x.code()), product = exact_mul(ex, want.reference.decode(y.code()));
        switch (random() % 10) {
            case 0:
                q += x;
                want.add(ex, 1);
                break;
            case 1:
                q -= x;
                want.add(ex, -1);
                break;
            case 2:
                q.negate();
                want.units = -want.units;
                break;
            case 3:
                q.abs();
                want.units = abs(want.units);
                break;
            case 4:
                q += q;
                want.units += want.units;
                want.settle();
                break;
            case 5:
                q -= Quire(x);
                want.add(ex, -1);
                break;
            case 6:
                q.multiply_subtract(x, y);
                want.add(product, -1);
                break;
            default:
                q.multiply_add(x, y);
                want.add(product, 1);
        }
        ASSERT_EQ(q.hex(), want.hex()) << step;
        ASSERT_EQ(q.is_nar(), want.nar) << step;
        ASSERT_EQ(q.to_posit().code(), want.rounded()) << step;
        if (want.nar && random() % 4 == 0) {
            q.clear();
            want.nar = false;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, Quires,
                         ::testing::Values("posit(2,0)", "posit(3,1)", "posit(6,1)", "posit(8,0)", "posit(8,1)", "posit(8,2)", "posit(8,2,underflow)",
                                           "posit(8,4)", "posit(16,1)", "posit(16,2)", "posit(32,2)", "posit(32,4)"));

// The standard's layout: 16 n bits where es = 2; 1 at bit 2 (n-2) 2^es; NaR is 10...0.
TEST(Quire, LayoutOfTheStandard) {
    for (const auto& [name, width] : {std::pair<const char*, int>{"posit(8,0)", 56},
                                      {"posit(8,1)", 80},
                                      {"posit(8,2)", 128},
                                      {"posit(16,1)", 144},
                                      {"posit(16,2)", 256},
                                      {"posit(32,2)", 512},
                                      {"posit(2,0)", 32}}) {
        const Quire q(Format::parse(name));
        EXPECT_EQ(q.width(), width) << name;
        EXPECT_EQ(q.hex(), std::string(static_cast<std::size_t>(width / 4), '0')) << name;
    }
    const Format p8 = Format::posit(8, 2);
    const Number one(p8, 0x40), largest(p8, 0x7f), smallest(p8, 0x01), nar(p8, 0x80);
    EXPECT_EQ(Quire(one).hex(), "00000000000000000001000000000000");
    EXPECT_EQ(Quire(one).negate().hex(), "ffffffffffffffffffff000000000000");
    EXPECT_EQ(Quire(p8).multiply_add(smallest, smallest).hex(), "00000000000000000000000000000001");
    EXPECT_EQ(Quire(p8).multiply_add(largest, largest).hex(), "00000001000000000000000000000000");
    EXPECT_EQ(Quire(nar).hex(), "80000000000000000000000000000000");
    EXPECT_EQ(Quire(p8).multiply_add(largest, largest).multiply_subtract(smallest, one).value(), "0x1.fffffffffffffffffep+47");
}

// 2^31 - 1 products of the largest values fit, with either sign; one more is NaR.
TEST(Quire, Overflow) {
    for (const char* name : {"posit(8,0)", "posit(8,2)", "posit(16,1)", "posit(32,2)"}) {
        const Format f = Format::parse(name);
        const Number largest = Number::from(f.max(), f), smallest(f, 1);
        Quire q(f);
        for (int bit = 0; bit < 31; ++bit) (q += q).multiply_add(largest, largest);
        for (int sign = 0; sign < 2; ++sign) {
            EXPECT_FALSE(q.is_nar()) << name;
            EXPECT_EQ(q.to_posit().code(), sign == 0 ? largest.code() : Number::from(-f.max(), f).code());
            Quire more = q, less = q;
            EXPECT_TRUE(sign == 0 ? more.multiply_add(largest, largest).is_nar() : more.multiply_subtract(largest, largest).is_nar()) << name;
            less.multiply_add(smallest, smallest);
            EXPECT_FALSE(less.is_nar());
            q.negate();
        }
        q.clear().multiply_subtract(largest, largest);
        for (int bit = 0; bit < 31; ++bit) q += q;  // -2^(width-1), the code of NaR
        EXPECT_TRUE(q.is_nar()) << name;
    }
}

TEST(Quire, NaRStays) {
    const Format p8 = Format::posit(8, 2);
    const Number one(p8, 0x40), nar(p8, 0x80), zero(p8, 0);
    Quire q(p8);
    q.multiply_add(zero, nar);
    EXPECT_TRUE(q.is_nar());
    q += one;
    q.negate().abs().multiply_subtract(one, one);
    q += Quire(one);
    EXPECT_EQ(q, Quire(nar));
    EXPECT_EQ(q.to_posit(), nar);
    EXPECT_EQ(q.value(), "nan");
    q = Quire(one);
    EXPECT_EQ(q.to_posit(), one);
    q -= Quire(nar);
    EXPECT_TRUE(q.is_nar());
    EXPECT_EQ(q.clear(), Quire(p8));
}

TEST(Quire, Equality) {
    const Format p8 = Format::posit(8, 2), p16 = Format::posit(16, 2);
    EXPECT_EQ(Quire(Number(p8, 0x48)), Quire(p8).multiply_add(Number(p8, 0x40), Number(p8, 0x48)));
    EXPECT_NE(Quire(Number(p8, 0x48)), Quire(Number(p8, 0x40)));
    EXPECT_NE(Quire(p8), Quire(p16));
    EXPECT_NE(Quire(p8), Quire(Number(p8, 0x80)));
}

std::uint64_t dot(const Format& f, const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
    Quire q(f);
    for (std::size_t k = 0; k < a.size(); ++k) q.multiply_add(Number(f, a[k]), Number(f, b[k]));
    return q.to_posit().code();
}

TEST(Quire, GoldenDotProducts) {
    for (const std::vector<std::string>& r : golden("posit_dot")) {
        const Format f = Format::posit(std::stoi(r[0]), std::stoi(r[1]));
        EXPECT_EQ(dot(f, golden_codes(r[3]), golden_codes(r[4])), std::stoull(r[5], nullptr, 16)) << f.name() << " " << r[3] << " . " << r[4];
    }
}

TEST(Quire, PublishedDotProducts) {
    const Format p8 = Format::posit(8, 2), p80 = Format::posit(8, 0);
    EXPECT_EQ(dot(p8, std::vector<std::uint64_t>(32, 0x40), std::vector<std::uint64_t>(32, 0x40)), 0x64u);
    EXPECT_EQ(dot(p8, {0x7f, 0x40, 0x7f}, {0x7f, 0x40, 0x81}), 0x40u);
    EXPECT_EQ(dot(p8, {0xad, 0x3e, 0xb3, 0xcf, 0x53, 0xca, 0x42, 0x45}, {0xb0, 0xb5, 0xc4, 0x55, 0xb1, 0xb0, 0x32, 0x49}), 0x53u);
    EXPECT_EQ(dot(p8, {0xae, 0x6c, 0xd6, 0xac}, {0xbe, 0x1f, 0xff, 0x44}), 0x51u);
    EXPECT_EQ(dot(p8, {1, 1, 1, 1}, {1, 1, 1, 1}), 0x01u);
    EXPECT_EQ(dot(p80, {0x60, 0x60, 0x60, 0x60}, {0x79, 0x79, 0x79, 0x60}), 0x7fu);  // 2 10 + 2 10 + 2 10 + 2 2 = 64
}

TEST(Quire, StochasticRounding) {
    const Format f = Format::posit(8, 2);
    Quire q(Number(f, 0x40));
    q += Number::from(0.03125, f);  // 1 + 1/32 between 1 and 1 + 1/8: a quarter
    EXPECT_EQ(q.to_posit(Rounding::stochastic, 0x3fffffffu).code(), 0x41u);
    EXPECT_EQ(q.to_posit(Rounding::stochastic, 0x40000000u).code(), 0x40u);
}

TEST(Quire, ErrorsAreOneSentence) {
    const Format p8 = Format::posit(8, 2), p16 = Format::posit(16, 2);
    const Number eight(p8, 1), sixteen(p16, 1);
    Quire q(p8);
    EXPECT_EQ(error_of([] { Quire(Format::parse("fp16")); }), "Quire: not a posit: fp16 (want posit(n,es))");
    EXPECT_EQ(error_of([] { Quire(Format::parse("posit(8,1)*4")); }), "Quire: a scaled posit: posit(8,1)*4 (want one without a scale, or an ExactSum)");
    EXPECT_EQ(error_of([&] { q += sixteen; }), "Quire: add: formats differ: posit(8,2) and posit(16,2) (want one format)");
    EXPECT_EQ(error_of([&] { q -= Quire(p16); }), "Quire: subtract: formats differ: posit(8,2) and posit(16,2) (want one format)");
    EXPECT_EQ(error_of([&] { q.multiply_add(eight, sixteen); }), "Quire: multiply_add: formats differ: posit(8,2) and posit(16,2) (want one format)");
}

}  // namespace
}  // namespace taper::tests
