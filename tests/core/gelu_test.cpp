// GELU against long double: every code of small formats correctly rounded, wide ones within one code; the far sides; threads.
#include <cmath>
#include <limits>

#include "core/product_support.h"

namespace taper::tests {
namespace {

using core::gelu;
using core::gelu_backward;
using core::GeluApproximation;

constexpr GeluApproximation both[] = {GeluApproximation::none, GeluApproximation::tanh};
constexpr long double pi = 3.14159265358979323846264338327950288L;

// x times the share, from the definition's other side: 1 - erf-complement of |x| for x > 0, a continued product free of cancellation below.
long double reference(GeluApproximation approximation, long double x) {
    if (approximation == GeluApproximation::none) {
        const long double tail = std::erfc(std::fabs(x) / std::sqrt(2.0L)) / 2;
        return x < 0 ? x * tail : x - x * tail;
    }
    const long double u = std::sqrt(2 / pi) * (std::fabs(x) + 0.044715L * std::fabs(x * x * x));
    const long double tail = 1 / (std::exp(2 * u) + 1);
    return x < 0 ? x * tail : x - x * tail;
}

long double reference_slope(GeluApproximation approximation, long double x) {
    if (approximation == GeluApproximation::none) return std::erfc(-x / std::sqrt(2.0L)) / 2 + x * std::exp(-x * x / 2) / std::sqrt(2 * pi);
    const long double t = std::tanh(std::sqrt(2 / pi) * (x + 0.044715L * x * x * x));
    return (1 + t) / 2 + x / 2 * (1 - t * t) * std::sqrt(2 / pi) * (1 + 3 * 0.044715L * x * x);
}

// Doubles on either side of gelu(x), near enough for every format here; `y` is it in long double.
std::pair<double, double> bounds(long double y, double x) {
    if (x == 0) return {0, 0};
    if (std::fabs(x) < 0x1p-40) return {std::nextafter(x / 2, INFINITY), std::nextafter(x / 2, INFINITY)};  // x / 2 and something positive
    if (std::fabs(y) < std::numeric_limits<double>::min()) return {-std::numeric_limits<double>::min(), -std::numeric_limits<double>::min()};
    const double nearest = static_cast<double>(y), slack = std::fabs(nearest) * 0x1p-52;
    const double high = x > 0 ? std::min(nearest + slack, std::nextafter(x, 0)) : nearest + slack;  // y < x
    return {std::min(nearest - slack, high), high};
}

class Gelu : public CoreOps {};

// No result of a code of 8 bits lies so near a decision point that the bounds leave it open.
TEST_F(Gelu, SmallFormatsAreCorrectlyRounded) {
    for (const Format& f : formats_of_8_bits()) {
        for (const Format& out : {f, Format::posit(16, 1), Format::float32()}) {
            for (const GeluApproximation approximation : both) {
                for (const Rounding rounding : {Rounding::nearest, Rounding::zero}) {
                    const auto all = all_codes(f);
                    const auto got = codes_of(gelu(tensor_of(all, f), approximation, Target(out, rounding)));
                    for (std::size_t i = 0; i < all.size(); ++i) {
                        const double x = decode_one(f, all[i]);
                        if (std::isnan(x) || std::isinf(x)) continue;
                        const auto [low, high] = bounds(reference(approximation, x), x);
                        const double want = decode_one(out, encode_one(out, low, rounding));
                        ASSERT_EQ(want, decode_one(out, encode_one(out, high, rounding))) << "undecided: " << f.name() << " gelu(" << x << ")";
                        ASSERT_EQ(decode_one(out, got[i]), want) << f.name() << " " << out.name() << " gelu(" << x << ")";
                    }
                }
            }
        }
    }
}

TEST_F(Gelu, WideFormatsAreWithinAUnitOfFloat64) {
    for (const Format& f : {Format::posit(16, 2), Format::parse("bf16"), Format::float32(), Format::posit(32, 2), Format::float64()}) {
        for (const GeluApproximation approximation : both) {
            const Tensor x = Tensor::from(normal_values(3000, 1), {3000}, f), dy = normal({3000}, 2, Format::posit(8, 2));
            const auto v = x.to_vector_double(), d = dy.to_vector_double(), y = gelu(x, approximation, Format::float64()).to_vector_double(),
                       dx = gelu_backward(dy, x, approximation, Format::float64()).to_vector_double();
            for (std::size_t i = 0; i < v.size(); ++i) {
                const double want = static_cast<double>(reference(approximation, v[i])),
                             slope = static_cast<double>(d[i] * reference_slope(approximation, v[i]));
                ASSERT_NEAR(y[i], want, 4e-15 * std::fabs(want)) << f.name() << " " << v[i];
                ASSERT_NEAR(dx[i], slope, 1e-15 * std::fabs(d[i])) << f.name() << " " << v[i];
            }
            EXPECT_EQ(gelu(x, approximation).codes(), Tensor::from(y, {3000}, f).codes());
            EXPECT_EQ(gelu_backward(dy, x, approximation).codes(), Tensor::from(dx, {3000}, dy.format()).codes());
        }
    }
}

TEST_F(Gelu, TheFarSides) {
    const double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
    for (const GeluApproximation approximation : both) {
        for (const char* text : {"float64", "fp16", "e5m2"}) {
            const Tensor x = Tensor::from(std::vector<double>{-infinity, infinity, nan, 0}, {4}, Format::parse(text));
            const auto y = gelu(x, approximation).to_vector_double(), dx = gelu_backward(Tensor::full({4}, 1), x, approximation).to_vector_double();
            EXPECT_TRUE(y[0] == 0 && y[1] == infinity && std::isnan(y[2]) && y[3] == 0) << text;
            EXPECT_TRUE(dx[0] == 0 && dx[1] == 1 && std::isnan(dx[2]) && dx[3] == 0.5) << text;
        }
        for (const Format& f : {Format::posit(8, 2), Format::posit(16, 2)}) {
            const auto y = gelu(Tensor::from(std::vector<double>{-1e5, 1e5}, {2}, f), approximation).to_vector_double();
            EXPECT_EQ(y[0], -f.min_positive());  // a posit never loses a number that is not 0
            EXPECT_EQ(y[1], Number::from(1e5, f).value());
            EXPECT_TRUE(gelu(Tensor::from(std::vector<double>{nan}, {1}, f), approximation).number(0).is_nan());
        }
    }
}

TEST_F(Gelu, ResultsDoNotDependOnThreads) {
    for (const Format& f : {Format::posit(8, 2), Format::posit(16, 1)}) {
        const Tensor x = normal({40000}, 3, f), dy = normal({40000}, 4);
        expect_same_for_all_thread_counts([&] { return gelu(x); }, "gelu");
        expect_same_for_all_thread_counts([&] { return gelu_backward(dy, x); }, "gelu_backward");
    }
}

}  // namespace
}  // namespace taper::tests
