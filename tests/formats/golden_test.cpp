// The golden vectors: decode, encode, arithmetic, conversion, bit for bit, through arrays and through single numbers.
#include "support/golden.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>

#include <taper/formats/convert.h>
#include <taper/formats/number.h>

#include "support/level.h"

namespace taper::tests {
namespace {

using Row = std::vector<std::string>;

std::uint64_t hex(const std::string& s) { return std::strtoull(s.c_str(), nullptr, 16); }
double real(const std::string& s) { return std::strtod(s.c_str(), nullptr); }

float float_of(std::uint64_t bits) {
    const std::uint32_t u = static_cast<std::uint32_t>(bits);
    float x;
    std::memcpy(&x, &u, sizeof x);
    return x;
}

double double_of(std::uint64_t bits) {
    double x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

template <class Real>
std::uint64_t encode_in_array(const Format& f, Real x, Rounding mode) {
    // Eight copies, so that the vector body and not only the scalar rest of the loop is tested.
    Real in[67];
    std::uint64_t out[67] = {};
    for (Real& v : in) v = x;
    encode(f, in, 67, out, {mode, {}});
    std::uint64_t first = 0, last = 0;
    const std::size_t bytes = static_cast<std::size_t>(f.storage_bytes());
    std::memcpy(&first, out, bytes);
    std::memcpy(&last, reinterpret_cast<const char*>(out) + 66 * bytes, bytes);
    return first == last ? first : ~std::uint64_t{0};
}

bool same(double a, double b) { return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b); }

// Checks one code of an encode row: the scalar function and the array function.
template <class Real>
void check_code(const Format& f, Real x, Rounding mode, const std::string& want, const Row& row) {
    if (want == "-") return;
    const std::uint64_t code = hex(want);
    const std::uint64_t one = encode_one(f, x, mode), many = encode_in_array(f, x, mode);
    if (std::isnan(decode_one(f, code))) {
        EXPECT_TRUE(std::isnan(decode_one(f, one)) && std::isnan(decode_one(f, many))) << f.name() << " " << name(mode) << " " << row[0] << " " << row[1] << " " << row[2];
    } else {
        EXPECT_EQ(one, code) << f.name() << " " << name(mode) << " " << row[0] << " " << row[1] << " " << row[2];
        EXPECT_EQ(many, code) << f.name() << " " << name(mode) << " array " << row[0] << " " << row[1] << " " << row[2];
    }
}

// lo, hi and the probability of hi: the draw just below p 2^32 rounds up in value, the first one at or above it does not.
void check_stochastic(const Format& f, double x, std::uint64_t lo, std::uint64_t hi, double up, const Row& row) {
    EXPECT_EQ(encode_one(f, x, Rounding::stochastic, 0), up > 0 ? hi : lo) << f.name() << " " << row[0] << " " << row[1] << " " << row[2];
    const double level = up * 4294967296.0;
    if (!(level > 1)) return;
    const std::uint32_t below = static_cast<std::uint32_t>(std::ceil(level)) - 1;
    if (level > 4294967292.0) return;  // p_hi is rounded: it does not decide the last draws
    EXPECT_EQ(encode_one(f, x, Rounding::stochastic, below > 1 ? below - 1 : 0), hi) << f.name() << " " << row[2];
    EXPECT_EQ(encode_one(f, x, Rounding::stochastic, below + 2), lo) << f.name() << " " << row[2];
}

class Golden : public EveryLevel {};

TEST_F(Golden, PositDecode) {
    for (const Row& r : golden("posit_decode")) {
        const Format f = Format::posit(std::atoi(r[0].c_str()), std::atoi(r[1].c_str()));
        const std::uint64_t code = hex(r[2]);
        const double want = double_of(hex(r[3]));
        EXPECT_TRUE(same(decode_one(f, code), want)) << f.name() << " " << r[2];
        double y;
        decode(f, &code, 1, &y);
        EXPECT_TRUE(same(y, want)) << f.name() << " " << r[2];
        float narrow;
        decode(f, &code, 1, &narrow);
        EXPECT_TRUE(same(narrow, static_cast<float>(want))) << f.name() << " " << r[2];
    }
}

template <class Real>
void posit_encode(const std::string& file, Real (*input)(std::uint64_t)) {
    for (const Row& r : golden(file)) {
        const Format f = Format::posit(std::atoi(r[0].c_str()), std::atoi(r[1].c_str()));
        const Real x = input(hex(r[2]));
        check_code(f, x, Rounding::nearest, r[3], r);
        check_code(f, x, Rounding::zero, r[5], r);
        if (r[9] == "uflow") {
            EXPECT_EQ(encode_one(f, x, Rounding::stochastic, 0), hex(r[5]));
            EXPECT_EQ(encode_one(f, x, Rounding::stochastic, 0xffffffffu), hex(r[5]));
            check_stochastic(Format::posit(std::atoi(r[0].c_str()), std::atoi(r[1].c_str()), Underflow::to_zero), x, hex(r[6]), hex(r[7]), real(r[8]), r);
        } else if (r[6] != "-") {
            check_stochastic(f, x, hex(r[6]), hex(r[7]), real(r[8]), r);
        }
    }
}

TEST_F(Golden, PositEncodeFloat32) { posit_encode<float>("posit_encode_f32", float_of); }
TEST_F(Golden, PositEncodeFloat64) { posit_encode<double>("posit_encode_f64", double_of); }

TEST_F(Golden, PositConvert) {
    for (const Row& r : golden("posit_convert")) {
        const Format from = Format::posit(std::atoi(r[0].c_str()), std::atoi(r[1].c_str())), to = Format::posit(std::atoi(r[2].c_str()), std::atoi(r[3].c_str()));
        EXPECT_EQ(Number(from, hex(r[4])).to(to).code(), hex(r[5])) << from.name() << " " << to.name() << " " << r[4];
    }
}

Number apply(const std::string& op, const Format& f, const std::string& a, const std::string& b, const std::string& c) {
    const auto number = [&](const std::string& s) { return Number(f, hex(s)); };
    if (op == "add") return number(a) + number(b);
    if (op == "sub") return number(a) - number(b);
    if (op == "mul") return number(a) * number(b);
    if (op == "div") return number(a) / number(b);
    if (op == "sqrt") return sqrt(number(a));
    return fma(number(a), number(b), number(c));
}

TEST_F(Golden, PositArithmetic) {
    for (const Row& r : golden("posit_arith")) {
        const Format f = Format::posit(std::atoi(r[0].c_str()), std::atoi(r[1].c_str()));
        EXPECT_EQ(apply(r[2], f, r[3], r[4], r[5]).code(), hex(r[6])) << f.name() << " " << r[2] << " " << r[3] << " " << r[4] << " " << r[5];
    }
}

TEST_F(Golden, FloatDecode) {
    for (const Row& r : golden("float_decode")) {
        const Format f = Format::parse(r[0]);
        const std::uint64_t code = hex(r[1]);
        const double want = double_of(hex(r[2]));
        EXPECT_TRUE(same(decode_one(f, code), want)) << r[0] << " " << r[1];
        float y;
        decode(f, &code, 1, &y);
        EXPECT_TRUE(same(y, want)) << r[0] << " " << r[1];
    }
}

template <class Real>
void float_encode(const std::string& file, Real (*input)(std::uint64_t)) {
    for (const Row& r : golden(file)) {
        const Format f = Format::parse(r[0]), saturating = f.saturating();
        const Real x = input(hex(r[1]));
        check_code(f, x, Rounding::nearest, r[2], r);
        check_code(saturating, x, Rounding::nearest, r[3], r);
        if (std::isfinite(x)) check_code(f, x, Rounding::zero, r[5], r);
        if (std::isfinite(x) && r[6] != "-") check_stochastic(f, x, hex(r[6]), hex(r[7]), real(r[8]), r);
    }
}

TEST_F(Golden, FloatEncodeFloat32) { float_encode<float>("float_encode_f32", float_of); }
TEST_F(Golden, FloatEncodeFloat64) { float_encode<double>("float_encode_f64", double_of); }

TEST_F(Golden, FloatArithmetic) {
    for (const Row& r : golden("float_arith")) {
        for (const bool saturating : {false, true}) {
            const Format f = saturating ? Format::parse(r[0]).saturating() : Format::parse(r[0]);
            const std::string& want = saturating ? r[6] : r[5];
            if (want == "-") continue;
            const Number result = apply(r[1], f, r[2], r[3], r[4]);
            const bool right = Number(f, hex(want)).is_nan() ? result.is_nan() : result.code() == hex(want);
            EXPECT_TRUE(right) << f.name() << " " << r[1] << " " << r[2] << " " << r[3] << " " << r[4] << " gave " << result.hex();
        }
    }
}

TEST_F(Golden, Fixed) {
    for (const Row& r : golden("fixed_encode_f32")) {
        const Format f = Format::fixed(std::atoi(r[0].c_str()), std::atoi(r[1].c_str()), r[2] == "1" ? FixedRange::symmetric : FixedRange::full);
        const float x = float_of(hex(r[3]));
        check_code(f, x, Rounding::nearest, r[4], r);
        check_code(f, x, Rounding::zero, r[8], r);
        if (r[4] != "-") {
            EXPECT_TRUE(decode_one(f, hex(r[4])) == real(r[5])) << f.name() << " " << r[4];
        }
        if (std::isfinite(x) && r[9] != "-") check_stochastic(f, x, hex(r[9]), hex(r[10]), real(r[11]), r);
    }
}

TEST_F(Golden, E8M0Floor) {
    const Format f = Format::parse("e8m0");
    for (const Row& r : golden("e8m0_encode_f32")) check_code(f, float_of(hex(r[0])), Rounding::zero, r[1], {r[0], r[1], r[2]});
}

}  // namespace
}  // namespace taper::tests
