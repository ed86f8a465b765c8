// A ReLU in the epilogue of a product or a norm: the bits of unary(Unary::relu) on its result, in every format, accumulator and direction.
#include <cmath>
#include <functional>
#include <limits>

#include "core/product_support.h"

namespace taper::tests {
namespace {

using core::Conv2dSpec;
using core::SumOptions;

class FusedActivation : public CoreOps {};

// Normal values, some of them 0, -0, tiny, or no number.
Tensor values(const Shape& shape, std::uint64_t seed, const Format& format, bool specials) {
    std::vector<double> v = normal_values(static_cast<std::size_t>(shape.elements()), seed);
    for (std::size_t i = 0; i < v.size(); i += 7) v[i] = i % 2 == 0 ? -0.0 : -1e-30;
    if (specials && format.has_nan()) v[v.size() / 2] = std::numeric_limits<double>::quiet_NaN();
    if (specials && format == Format::float32()) v[v.size() / 3] = -std::numeric_limits<double>::infinity();
    return Tensor::from(std::span<const double>(v), shape, format);
}

// `op(activation)` with and without; both draw the same numbers.
void expect_fused(const std::function<Tensor(Activation)>& op, const std::string& what) {
    seed(11);
    const Tensor fused = op(Activation::relu);
    seed(11);
    const Tensor plain = op(Activation::none);
    const std::vector<std::uint64_t> got = codes_of(fused), want = codes_of(core::unary(Unary::relu, plain));
    ASSERT_EQ(fused.format(), plain.format());
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
        if (!same(fused.format(), got[i], want[i])) FAIL() << what << ": element " << i << " is " << got[i] << " (want " << want[i] << ")";
    }
}

std::vector<Format> outputs() {
    std::vector<Format> all = formats_of_8_bits();
    const std::vector<Format> wider = wider_formats();
    all.insert(all.end(), wider.begin(), wider.end());
    return all;
}

TEST_F(FusedActivation, OfProductsInEveryFormat) {
    for (const char* in : {"posit(8,1)", "posit(16,1)", "float32"}) {
        const Format f = Format::parse(in);
        for (const Format& out : outputs()) {
            for (const Rounding rounding : {Rounding::nearest, Rounding::zero, Rounding::stochastic}) {
                const Tensor a = values({9, 33}, 1, f, out.has_nan()), b = values({17, 33}, 2, f, false), bias = values({17}, 3, f, false);
                expect_fused([&](Activation then) {
                    return core::matmul(a, b, {.transpose_b = true, .output = Target(out, rounding), .bias = bias, .activation = then});
                }, f.name() + " -> " + out.name() + " " + name(rounding));
            }
        }
    }
}

TEST_F(FusedActivation, OfProductsInEveryAccumulator) {
    const Format p8 = Format::posit(8, 1);
    const Tensor a = values({2, 5, 40}, 1, p8, true), b = values({2, 40, 9}, 2, p8, false);
    for (const char* text : {"float32", "float64", "exact", "exact(stochastic)", "rounded(posit(16,1))", "rounded(fp16)", "rounded_f32(bf16)", "rounded(posit(16,1),stochastic)",
                             "rounded(fp16,bf16)", "chunked(8,exact,posit(16,1))", "compensated(fp16)"}) {
        for (const char* out : {"posit(8,1)", "e4m3", "float32"}) {
            const Accumulator accumulator = Accumulator::parse(text);
            expect_fused([&](Activation then) { return core::matmul(a, b, {.accumulator = accumulator, .output = Format::parse(out), .activation = then}); },
                         std::string(text) + " -> " + out);
        }
    }
}

TEST_F(FusedActivation, OfConvolutions) {
    for (const char* in : {"posit(8,2)", "posit(16,1)", "float32"}) {
        const Format f = Format::parse(in);
        for (const char* text : {"posit(8,2)", "e4m3", "fp16", "float32"}) {
            for (const char* sums : {"float32", "exact", "rounded(posit(16,2))"}) {
                for (const std::int64_t size : {9, 3}) {  // of 3: the kernel covers the image
                    const Conv2dSpec spec{.stride = 1, .padding = size == 9 ? 1 : 0};
                    const Tensor x = values({3, 8, size, size}, 1, f, true), w = values({6, 8, 3, 3}, 2, f, false), bias = values({6}, 3, f, false);
                    const Tensor dy = values({3, 6, size == 9 ? 9 : 1, size == 9 ? 9 : 1}, 4, f, true), back_bias = values({8}, 5, f, false);
                    const auto options = [&](Activation then) {
                        return SumOptions{.accumulator = Accumulator::parse(sums), .output = Format::parse(text), .activation = then};
                    };
                    const std::string what = f.name() + " " + sums + " -> " + text;
                    expect_fused([&](Activation then) { return core::conv2d(x, w, bias, spec, options(then)); }, what);
                    expect_fused([&](Activation then) { return core::conv2d(x, w, {}, spec, options(then)); }, what + ", no bias");
                    expect_fused([&](Activation then) { return core::conv2d_backward_data(dy, w, x.shape(), spec, options(then), back_bias); }, what + ", data");
                    expect_fused([&](Activation then) { return core::conv2d_backward_weights(dy, x, w.shape(), spec, options(then)); }, what + ", weights");
                }
            }
        }
    }
}

TEST_F(FusedActivation, OfNorms) {
    for (const char* in : {"posit(8,2)", "posit(16,1)", "float32"}) {
        for (const Format& out : outputs()) {
            for (const std::int64_t groups : {0, 1}) {
                const core::NormSpec spec{.groups = groups};
                const Tensor x = values({16, 4, 8, 8}, 1, Format::parse(in), false), weight = values({4}, 2, {}, false), bias = values({4}, 3, {}, false);
                const core::Moments moments = core::norm_moments(x, spec);
                expect_fused([&](Activation then) { return core::norm(x, moments, weight, bias, spec, out, then); }, std::string(in) + " -> " + out.name());
            }
        }
    }
}

TEST_F(FusedActivation, KeepsNarOfASum) {
    const Tensor a = Tensor::from({-1.0f, std::nanf("")}, {2, 1}, Format::posit(8, 1)), b = Tensor::from({2.0f}, {1, 1}, Format::posit(8, 1));
    EXPECT_EQ(core::matmul(a, b, {.activation = Activation::relu}).codes(), (std::vector<std::uint64_t>{0, 0x80}));
}

}  // namespace
}  // namespace taper::tests
