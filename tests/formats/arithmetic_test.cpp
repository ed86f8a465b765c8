// add, sub, mul, div over all pairs of codes, sqrt over all codes and fma of random codes, against exact rationals.
#include <cmath>
#include <random>

#include <taper/formats/error.h>
#include <taper/formats/number.h>

#include "support/level.h"
#include "support/throws.h"
#include "support/exact_reference.h"

namespace taper::tests {
namespace {

using Op = Number (*)(const Number&, const Number&, Rounding, std::uint32_t);

struct Case {
    const char* name;
    Op op;
    Exact (*reference)(const Exact&, const Exact&);
};

Exact reference_sub(const Exact& a, const Exact& b) { return exact_add(a, negated(b)); }

const Case cases[] = {{"add", add, exact_add}, {"sub", sub, reference_sub}, {"mul", mul, exact_mul}, {"div", div, exact_div}};



bool agree(const Reference& reference, std::uint64_t got, std::uint64_t want) { return reference.is_nan(want) ? reference.is_nan(got) : got == want; }

void check_all_pairs(const std::string& name, RefMode mode) {
    const Format f = Format::parse(name);
    const Reference reference(name);
    const Rounding rounding = mode == RefMode::nearest ? Rounding::nearest : Rounding::zero;
    const std::uint64_t count = std::uint64_t{1} << f.bits();
    std::vector<Exact> values;
    for (std::uint64_t c = 0; c < count; ++c) values.push_back(reference.decode(c));
    int wrong = 0;
    for (const Case& op : cases) {
        for (std::uint64_t a = 0; a < count && wrong < 5; ++a) {
            for (std::uint64_t b = 0; b < count && wrong < 5; ++b) {
                const std::uint64_t got = op.op(Number(f, a), Number(f, b), rounding, 0).code();
                const std::uint64_t want = reference.round(op.reference(values[a], values[b]), mode);
                if (agree(reference, got, want)) continue;
                ++wrong;
                ADD_FAILURE() << name << " " << op.name << std::hex << " " << a << " " << b << " gave " << got << " want " << want;
            }
        }
    }
    for (std::uint64_t a = 0; a < count && mode == RefMode::nearest; ++a) {
        const std::uint64_t got = sqrt(Number(f, a)).code(), want = reference.round_sqrt(values[a]);
        EXPECT_TRUE(agree(reference, got, want)) << name << " sqrt" << std::hex << " " << a << " gave " << got << " want " << want;
    }
}

TEST(Arithmetic, AllPairsOfSmallPosits) {
    for (int n = 2; n <= 7; ++n) {
        for (int es = 0; es <= 4; ++es) check_all_pairs("posit(" + std::to_string(n) + "," + std::to_string(es) + ")", RefMode::nearest);
    }
    for (int es = 0; es <= 3; ++es) check_all_pairs("posit(8," + std::to_string(es) + ")", RefMode::nearest);
    check_all_pairs("posit(6,1,underflow)", RefMode::nearest);
    check_all_pairs("posit(6,1,underflow)", RefMode::zero);
    for (const RefMode mode : {RefMode::nearest, RefMode::zero}) {
        check_all_pairs("posit(6,1)*0.25", mode);
        check_all_pairs("posit(5,0)*1.2194330274671845e+142", mode);
    }
    check_all_pairs("posit(6,2)", RefMode::zero);
}

TEST(Arithmetic, AllPairsOfSmallFloats) {
    for (const char* name : {"e4m3", "e5m2", "e4m3fnuz", "e5m2fnuz", "e3m2", "e2m3", "e2m1", "e4m3,sat", "e5m2,sat", "float(3,3)", "float(2,2)", "float(1,3)"}) {
        check_all_pairs(name, RefMode::nearest);
    }
    check_all_pairs("float(3,2)", RefMode::zero);
    check_all_pairs("e2m1", RefMode::zero);
}

TEST(Arithmetic, AllPairsOfSmallFixed) {
    for (const char* name : {"fixed(8,4)", "fixed(6,5,symmetric)", "fixed(5,-2)"}) check_all_pairs(name, RefMode::nearest);
}

void check_random(const std::string& name, int count) {
    const Format f = Format::parse(name);
    const Reference reference(name);
    std::mt19937_64 draw(3);
    const int bits = f.bits();
    const auto code = [&] { return draw() >> (64 - bits); };
    for (int i = 0; i < count; ++i) {
        const std::uint64_t a = code(), b = i % 4 == 0 ? (a ^ (draw() & 7)) : code();
        const Number x(f, a), y(f, b);
        const Exact ex = reference.decode(a), ey = reference.decode(b);
        for (const Case& op : cases) {
            const std::uint64_t got = op.op(x, y, Rounding::nearest, 0).code(), want = reference.round(op.reference(ex, ey), RefMode::nearest);
            ASSERT_TRUE(agree(reference, got, want)) << name << " " << op.name << std::hex << " " << a << " " << b << " gave " << got << " want " << want;
        }
        const std::uint64_t root = sqrt(x).code(), want_root = reference.round_sqrt(ex);
        ASSERT_TRUE(agree(reference, root, want_root)) << name << " sqrt" << std::hex << " " << a << " gave " << root << " want " << want_root;
        // c: random, or near -a b (cancellation), or a tie of the product with a tiny addend.
        Number z(f, code());
        if (i % 3 == 1) z = mul(x, Number::from(-y.value(), f));
        if (i % 3 == 2) z = Number::from(f.min_positive() * (i % 2 == 0 ? 1 : -1), f);
        const std::uint64_t got = fma(x, y, z).code();
        const std::uint64_t want = reference.round(exact_add(exact_mul(ex, ey), reference.decode(z.code())), RefMode::nearest);
        ASSERT_TRUE(agree(reference, got, want)) << name << " fma" << std::hex << " " << a << " " << b << " " << z.code() << " gave " << got << " want " << want;
    }
}

TEST(Arithmetic, RandomCodesOfWideFormats) {
    for (const char* name : {"posit(8,2)", "posit(16,1)", "posit(16,2)", "posit(16,4)", "posit(24,2)", "posit(32,0)", "posit(32,2)", "posit(32,4)", "bf16", "fp16", "fp16,sat", "float(6,9)",
                             "float(8,22)", "float32", "fixed(16,8)", "fixed(24,20)", "posit(16,1)*0.125", "e4m3*64", "fp16,sat*5.374300886053671e-138"}) {
        check_random(name, 400);
    }
    check_random("float64", 400);
}

// Products of posits at a tie: an addend that float64 would lose decides.
TEST(Arithmetic, FmaSeesTinyAddends) {
    const Format f = Format::posit(16, 2);
    const Number a = Number::from(1 + 0x1p-6, f), b = Number::from(1 + 0x1p-6, f);  // 1 + 2^-5 + 2^-12: a tie
    const Number tiny(f, 1);
    EXPECT_EQ(fma(a, b, Number(f, 0)).value(), 1 + 0x1p-5);
    EXPECT_EQ(fma(a, b, tiny).value(), 1 + 0x1p-5 + 0x1p-11);
    EXPECT_EQ(fma(a, b, Number(f, 0xffff)).value(), 1 + 0x1p-5);
}

// The same where the addend lies beyond 128 bits: only a sticky bit is left of it, on the right side of the tie.
TEST(Arithmetic, FmaSeesAddendsFarBelow) {
    const Format f = Format::float32();
    const Number a = Number::from(0x1.001p50, f), smallest(f, 1), minus_smallest(f, 0x80000001u);  // a a = 2^100 (1 + 2^-11 + 2^-24): a tie
    EXPECT_EQ(fma(a, a, Number(f, 0)).value(), 0x1.002p100);
    EXPECT_EQ(fma(a, a, smallest).value(), 0x1.002002p100);
    EXPECT_EQ(fma(a, a, minus_smallest).value(), 0x1.002p100);
    EXPECT_EQ(fma(a, a, minus_smallest, Rounding::zero).value(), 0x1.002p100);
    EXPECT_EQ(add(Number::from(0x1p100, f), minus_smallest, Rounding::zero).value(), 0x1.fffffep99);
    EXPECT_EQ(add(Number::from(-0x1p100, f), smallest, Rounding::zero).value(), -0x1.fffffep99);
}

TEST(Arithmetic, DivisionByZero) {
    const auto divided = [](const char* name, double x) { return Number::from(x, Format::parse(name)) / Number(Format::parse(name), 0); };
    EXPECT_TRUE(divided("posit(8,2)", 1).is_nan());
    EXPECT_TRUE(divided("posit(8,2)", 0).is_nan());
    EXPECT_EQ(divided("fp16", 1).hex(), "7c00");
    EXPECT_EQ(divided("fp16", -1).hex(), "fc00");
    EXPECT_TRUE(divided("fp16", 0).is_nan());
    EXPECT_TRUE(divided("e4m3", 1).is_nan());
    EXPECT_EQ(divided("e4m3,sat", 1).value(), 448);
    EXPECT_TRUE(divided("e4m3,sat", 0).is_nan());
    EXPECT_EQ(divided("e2m1", -1).value(), -6);
    EXPECT_EQ(divided("e2m1", 0).value(), 0);
    EXPECT_EQ(divided("fixed(8,4)", -1).value(), -8);
    EXPECT_EQ(divided("fixed(8,4)", 0).value(), 0);
}

TEST(Arithmetic, Errors) {
    const Number p(Format::posit(8, 2), 0x40), h(Format::parse("fp16"), 0x3c00), k(Format::int32(), 1);
    EXPECT_EQ(error_of([&] { add(p, h); }), "add: formats differ: posit(8,2) and fp16 (want one format)");
    EXPECT_EQ(error_of([&] { mul(k, k); }), "mul: no arithmetic on indices: int32 (want a number format)");
    EXPECT_EQ(error_of([&] { fma(p, p, h); }), "fma: formats differ: posit(8,2) and fp16 (want one format)");
    EXPECT_EQ(error_of([&] { Number(Format::posit(6, 1), 0x40); }), "Number: code has bits beyond the format: 40 in posit(6,1) (want at most 6 bits)");
}

TEST(Arithmetic, NumbersConvertWithOneRounding) {
    // 2.125 + 2^-20 is 0x49 in posit(8,2); by way of posit(16,2) it would be 0x48.
    EXPECT_EQ(Number::from(2.125 + 0x1p-20, Format::float32()).to(Format::posit(8, 2)).hex(), "49");
    EXPECT_EQ(Number::from(2.125 + 0x1p-20, Format::posit(16, 2)).to(Format::posit(8, 2)).hex(), "48");
    EXPECT_EQ(Number(Format::parse("fp16"), 0x7c00).to(Format::posit(8, 2)).hex(), "80");
    EXPECT_EQ(Number(Format::posit(6, 1), 0x3f).hex(), "3f");
}

}  // namespace
}  // namespace taper::tests
