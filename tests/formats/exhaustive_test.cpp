// Every code and every decision point of every posit and float of at most 10 bits, and random inputs for wider formats, against exact rationals:
// to nearest and toward zero, from float32 and float64, through the array functions and one by one.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <taper/formats/convert.h>

#include "support/level.h"
#include "support/exact_reference.h"

namespace taper::tests {
namespace {

std::vector<std::string> small_posits() {
    std::vector<std::string> names;
    for (int n = 2; n <= 10; ++n) {
        for (int es = 0; es <= 4; ++es) {
            names.push_back("posit(" + std::to_string(n) + "," + std::to_string(es) + ")");
            names.push_back("posit(" + std::to_string(n) + "," + std::to_string(es) + ",underflow)");
        }
    }
    return names;
}

std::vector<std::string> small_floats() {
    std::vector<std::string> names = {"e4m3", "e3m2", "e2m3", "e2m1", "e4m3fnuz", "e5m2fnuz", "e4m3,sat", "e4m3fnuz,sat", "e5m2fnuz,sat"};
    for (int e = 1; e <= 8; ++e) {
        for (int m = 1; e + m + 1 <= 10; ++m) {
            names.push_back("float(" + std::to_string(e) + "," + std::to_string(m) + ")");
            names.push_back(names.back() + ",sat");
        }
    }
    return names;
}

const std::vector<std::string> others = {"fixed(1,0)", "fixed(4,2)", "fixed(8,4)", "fixed(8,7,symmetric)", "fixed(10,0)", "fixed(6,9,symmetric)", "fixed(8,-3)", "fixed(8,20)", "e8m0"};

const std::vector<std::string> wide = {"posit(11,4)",  "posit(12,1)",  "posit(16,0)", "posit(16,1)",   "posit(16,2)",       "posit(16,2,underflow)", "posit(16,3)",     "posit(16,4)",
                                       "posit(20,1)",  "posit(24,2)",  "posit(31,2)", "posit(32,0)",   "posit(32,1)",       "posit(32,2)",           "posit(32,4)",     "posit(32,2,underflow)",
                                       "posit(29,0)",  "posit(27,0)",  "posit(26,0)", "posit(17,3)",   "posit(18,3)",       "posit(25,1)",           "bf16",            "fp16",
                                       "fp16,sat",     "float(6,9)",   "float(8,22)", "float(8,22),sat", "float32,sat",     "float32",               "float(1,20)",     "float(7,12)",
                                       "float(2,23)",  "fixed(16,8)",  "fixed(24,12)", "fixed(24,23)", "fixed(24,0,symmetric)", "fixed(20,-5)",      "fixed(24,64)"};

// Scales inside and outside of what float32 holds, to both ends of what a format may have.
std::vector<std::string> scaled(const std::vector<std::string>& elements) {
    std::vector<std::string> names;
    for (const std::string& element : elements) {
        const Format f = Format::parse(element);
        for (const int k : {-2, 7, -60, 126, -127, 130, -140, 480 - f.max_exponent(), -480 - f.min_exponent()}) {
            if (f.max_exponent() + k <= 480 && f.min_exponent() + k >= -480) names.push_back(f.scaled(std::ldexp(1.0, k)).name());
        }
    }
    return names;
}

// Neighbours below and above in Real, and the value itself where Real holds it.
template <class Real>
void add_around(const mpq_class& t, std::vector<Real>& inputs) {
    const double near = t.get_d();  // truncated
    const Real infinity = std::numeric_limits<Real>::infinity();
    Real x = static_cast<Real>(near);
    for (int i = 0; i < 2; ++i) x = std::nextafter(x, -infinity);
    for (int i = 0; i < 5; ++i) {
        inputs.push_back(x);
        inputs.push_back(-x);
        x = std::nextafter(x, infinity);
    }
}

template <class Real>
std::vector<Real> special_inputs() {
    using Limits = std::numeric_limits<Real>;
    std::vector<Real> inputs;
    for (const Real x : {Real(0), Limits::denorm_min(), Limits::min(), Limits::max(), Limits::infinity(), Real(1), Real(0.1), Limits::quiet_NaN()}) {
        inputs.push_back(x);
        inputs.push_back(-x);
    }
    return inputs;
}

template <class Real>
void check_encode(const std::string& name, const std::vector<Real>& inputs) {
    const Format f = Format::parse(name);
    const Reference reference(name);
    const std::size_t bytes = static_cast<std::size_t>(f.storage_bytes());
    std::vector<char> codes(inputs.size() * bytes);
    for (const RefMode mode : {RefMode::nearest, RefMode::zero}) {
        const Rounding rounding = mode == RefMode::nearest ? Rounding::nearest : Rounding::zero;
        const std::size_t lost = encode(f, inputs.data(), inputs.size(), codes.data(), {rounding, {}});
        std::size_t nans = 0, wrong = 0;
        for (std::size_t i = 0; i < inputs.size() && wrong < 5; ++i) {
            std::uint64_t array = 0;
            std::memcpy(&array, codes.data() + i * bytes, bytes);
            const std::uint64_t one = encode_one(f, inputs[i], rounding), want = reference.round(exact(inputs[i]), mode);
            const bool nan = reference.is_nan(want);
            nans += std::isnan(inputs[i]) ? 1 : 0;
            const bool right = nan ? reference.is_nan(array) && reference.is_nan(one) : array == want && one == want;
            wrong += right ? 0 : 1;
            EXPECT_TRUE(right) << name << " " << taper::name(rounding) << " sizeof " << sizeof(Real) << " x " << std::hexfloat << inputs[i] << std::hex << " array " << array << " one " << one
                               << " want " << want;
        }
        EXPECT_TRUE(wrong > 0 || lost == (f.has_nan() ? 0u : nans)) << name << " counted " << lost;
    }
}

template <class Real>
void check_all_points(const std::string& name) {
    std::vector<Real> inputs = special_inputs<Real>();
    for (const mpq_class& t : Reference(name).decision_points()) add_around<Real>(t, inputs);
    check_encode(name, inputs);
}

// Decodes the codes through the arrays and one by one, and encodes the values again.
void check_round_trip(const std::string& name, const std::vector<std::uint64_t>& codes) {
    const Format f = Format::parse(name);
    const Reference reference(name);
    const std::size_t bytes = static_cast<std::size_t>(f.storage_bytes()), n = codes.size();
    std::vector<char> stored(n * bytes), back(n * bytes);
    for (std::size_t i = 0; i < n; ++i) std::memcpy(stored.data() + i * bytes, &codes[i], bytes);
    std::vector<double> y(n);
    std::vector<float> narrow(n);
    decode(f, stored.data(), n, y.data());
    decode(f, stored.data(), n, narrow.data());
    for (std::size_t i = 0; i < n; ++i) {
        const Exact want = reference.decode(codes[i]);
        const double one = decode_one(f, codes[i]);
        if (want.kind == Exact::nan) {
            ASSERT_TRUE(std::isnan(y[i]) && std::isnan(one) && std::isnan(narrow[i])) << name << std::hex << " " << codes[i];
            continue;
        }
        const double value = (want.negative ? -1.0 : 1.0) * (want.kind == Exact::infinite ? std::numeric_limits<double>::infinity() : want.magnitude.get_d());
        ASSERT_TRUE(y[i] == value && std::signbit(y[i]) == std::signbit(value) && one == value) << name << std::hex << " " << codes[i];
        ASSERT_TRUE(narrow[i] == static_cast<float>(value)) << name << std::hex << " " << codes[i];
    }
    encode(f, y.data(), n, back.data());
    // Saturating floats never round to their infinities, symmetric fixed point never to the lowest code.
    const bool one_way = name.find(",sat") != std::string::npos || name.find("symmetric") != std::string::npos;
    const auto never_produced = [&](std::uint64_t code, double value) { return std::isinf(value) || code == std::uint64_t{1} << (f.bits() - 1); };
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t code = 0;
        std::memcpy(&code, back.data() + i * bytes, bytes);
        const bool right = reference.is_nan(codes[i]) ? reference.is_nan(code) : code == codes[i] || (one_way && never_produced(codes[i], y[i]));
        ASSERT_TRUE(right) << name << std::hex << " " << codes[i] << " came back as " << code;
    }
}

std::vector<std::uint64_t> all_codes(int bits) {
    std::vector<std::uint64_t> codes;
    for (std::uint64_t c = 0; c < std::uint64_t{1} << bits; ++c) codes.push_back(c);
    return codes;
}

class Exhaustive : public EveryLevel {};

TEST_F(Exhaustive, PositsEveryCodeEveryDecisionPoint) {
    for (const std::string& name : small_posits()) {
        check_round_trip(name, all_codes(Format::parse(name).bits()));
        check_all_points<float>(name);
        check_all_points<double>(name);
    }
}

TEST_F(Exhaustive, FloatsEveryCodeEveryDecisionPoint) {
    for (const std::string& name : small_floats()) {
        check_round_trip(name, all_codes(Format::parse(name).bits()));
        check_all_points<float>(name);
        check_all_points<double>(name);
    }
}

TEST_F(Exhaustive, FixedAndScaleEveryCodeEveryDecisionPoint) {
    for (const std::string& name : others) {
        check_round_trip(name, all_codes(Format::parse(name).bits()));
        check_all_points<float>(name);
        check_all_points<double>(name);
    }
}

TEST_F(Exhaustive, ScaledEveryCodeEveryDecisionPoint) {
    for (const std::string& name : scaled({"posit(4,0)", "posit(8,1)", "posit(8,2)", "posit(7,2,underflow)", "posit(9,1)", "posit(6,4)", "e4m3", "e5m2", "e4m3fnuz,sat", "e2m1",
                                           "float(8,1)", "float(3,5),sat", "fixed(8,4)", "fixed(6,9,symmetric)", "fixed(9,0)", "e8m0"})) {
        check_round_trip(name, all_codes(Format::parse(name).bits()));
        check_all_points<float>(name);
        check_all_points<double>(name);
    }
}

// 16 bits: codes go with the element's, at every decision point of which the tests above and below have proved it.
TEST_F(Exhaustive, ScaledSixteenBitsFollowTheElementAtEveryDecisionPoint) {
    for (const std::string name : {"posit(16,1)", "posit(16,2,underflow)", "fp16", "bf16,sat", "fixed(16,8)", "float(6,9)"}) {
        const Format element = Format::parse(name);
        std::vector<double> points;
        for (std::uint64_t code = 0; code < std::uint64_t{1} << 15; ++code) {
            const double low = decode_one(element, code), high = decode_one(element, code + 1);
            if (std::isfinite(low) && std::isfinite(high)) add_around<double>(mpq_class((low + high) / 2), points);
            if (std::isfinite(low)) add_around<double>(mpq_class(low), points);
        }
        std::erase_if(points, [](double x) { return x != 0 && std::fabs(x) < 0x1p-700; });  // the scales would make them subnormal
        const std::size_t n = points.size();
        for (const Rounding rounding : {Rounding::nearest, Rounding::zero}) {
            std::vector<std::uint16_t> want(n), got(n);
            encode(element, points.data(), n, want.data(), {rounding, {}});
            for (const int k : {-3, 11, 300, -300}) {
                const Format f = element.scaled(std::ldexp(1.0, k));
                std::vector<double> x(n), y(n), element_value(n);
                for (std::size_t i = 0; i < n; ++i) x[i] = std::ldexp(points[i], k);
                encode(f, x.data(), n, got.data(), {rounding, {}});
                ASSERT_EQ(got, want) << f.name();
                decode(element, want.data(), n, element_value.data());
                decode(f, want.data(), n, y.data());
                for (std::size_t i = 0; i < n; ++i) ASSERT_TRUE(y[i] == std::ldexp(element_value[i], k) || std::isnan(element_value[i])) << f.name() << want[i];
            }
        }
    }
}

template <class Real, class Bits>
void sweep(const std::string& name, std::uint64_t seed) {
    std::mt19937_64 draw(seed);
    std::vector<Real> inputs = special_inputs<Real>();
    const Format f = Format::parse(name);
    const std::uint64_t mask = (std::uint64_t{1} << f.bits()) - 1;
    for (int i = 0; i < 60; ++i) {
        const Bits bits = static_cast<Bits>(draw());
        Real x;
        std::memcpy(&x, &bits, sizeof x);
        inputs.push_back(x);
        // Around a random code and the middle (in value) above it.
        const double a = decode_one(f, draw() & mask & (mask >> 1)), b = std::nextafter(a, 1e300);
        if (std::isfinite(a)) add_around<Real>(mpq_class(std::fabs(a)), inputs);
        const std::uint64_t code = (draw() & (mask >> 1)) >> 1;
        const double low = decode_one(f, code), high = decode_one(f, code + 1);
        if (std::isfinite(low) && std::isfinite(high)) add_around<Real>(mpq_class((low + high) / 2), inputs);
        inputs.push_back(static_cast<Real>(b));
        inputs.push_back(static_cast<Real>(std::ldexp(static_cast<double>(draw()), static_cast<int>(draw() % 80) - 100)));
    }
    check_encode(name, inputs);
}

TEST_F(Exhaustive, WideFormatsRandomCodesAndInputs) {
    std::mt19937_64 draw(7);
    std::vector<std::string> names = wide;
    for (const std::string& name : scaled({"posit(12,1)", "posit(16,1)", "posit(16,2,underflow)", "posit(24,2)", "posit(32,2)", "bf16", "fp16,sat", "float(6,9)", "fixed(16,8)", "fixed(24,64)"}))
        names.push_back(name);
    for (const std::string& name : names) {
        std::vector<std::uint64_t> codes = {0, 1};
        const int bits = Format::parse(name).bits();
        for (int i = 0; i < 2000; ++i) codes.push_back(draw() >> (64 - bits) >> (i % 3 == 0 ? draw() % static_cast<unsigned>(bits) : 0));
        for (int i = 1; i < bits; ++i) codes.push_back((std::uint64_t{1} << i) - 1), codes.push_back(std::uint64_t{1} << i);
        check_round_trip(name, codes);
        sweep<float, std::uint32_t>(name, 11);
        sweep<double, std::uint64_t>(name, 12);
    }
}

// Float32 and float64 are copied, whatever their bits.
TEST_F(Exhaustive, IdentityFormatsKeepTheirBits) {
    const double x[3] = {1e-310, -0.0, 3.3};
    double codes[3];
    EXPECT_EQ(encode(Format::float64(), x, 3, codes), 0u);
    EXPECT_EQ(std::memcmp(x, codes, sizeof x), 0);
    const float y[3] = {1e-40f, -0.0f, 3.3f};
    float out[3];
    EXPECT_EQ(encode(Format::float32(), y, 3, out), 0u);
    EXPECT_EQ(std::memcmp(y, out, sizeof y), 0);
    const double back[3] = {1.0 + 1e-12, 1e300, -1e-300};
    encode(Format::float32(), back, 3, out, {Rounding::zero, {}});
    EXPECT_EQ(out[0], 1.0f);
    EXPECT_EQ(out[1], std::numeric_limits<float>::max());
    EXPECT_EQ(out[2], 0.0f);
}

TEST_F(Exhaustive, IndexFormats) {
    const float x[6] = {0.0f, 2.5f, 3.5f, -7.0f, 300.0f, 1e12f};
    std::int32_t wide_codes[6];
    EXPECT_EQ(encode(Format::int32(), x, 6, wide_codes), 0u);
    const std::int32_t want[6] = {0, 2, 4, -7, 300, 2147483647};
    EXPECT_EQ(std::memcmp(wide_codes, want, sizeof want), 0);
    std::uint8_t codes[6];
    encode(Format::uint8(), x, 6, codes);
    const std::uint8_t want8[6] = {0, 2, 4, 0, 255, 255};
    EXPECT_EQ(std::memcmp(codes, want8, sizeof want8), 0);
    float y[6];
    decode(Format::int32(), wide_codes, 4, y);
    EXPECT_EQ(y[3], -7.0f);
    decode(Format::uint8(), codes, 6, y);
    EXPECT_EQ(y[4], 255.0f);
}

}  // namespace
}  // namespace taper::tests
