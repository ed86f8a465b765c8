// Transposed convolution: every term in its order against exact rationals, in every accumulator; shapes as PyTorch's; errors.
#include <cmath>

#include "core/product_support.h"
#include "support/accumulator_reference.h"

namespace taper::tests {
namespace {

using core::conv_transpose2d;
using core::ConvTranspose2dSpec;

struct Case {
    Shape x, w;
    ConvTranspose2dSpec spec;
    Shape y;
};

const std::vector<Case>& cases() {
    static const std::vector<Case> list = {{{2, 3, 2, 3}, {3, 2, 3, 2}, {}, {2, 2, 4, 4}},
                                           {{1, 2, 3, 3}, {2, 3, 4, 4}, {.stride = 2, .padding = 1}, {1, 3, 6, 6}},
                                           {{2, 2, 3, 2}, {2, 1, 3, 3}, {.stride = 2, .padding = 1, .output_padding = 1}, {2, 1, 6, 4}},
                                           {{1, 1, 3, 3}, {1, 2, 2, 2}, {.stride = 3, .output_padding = 2}, {1, 2, 10, 10}},
                                           {{1, 2, 6, 5}, {2, 1, 3, 3}, {.stride = 2, .padding = 4}, {1, 1, 5, 3}},
                                           {{1, 2, 1, 1}, {2, 3, 4, 4}, {}, {1, 3, 4, 4}},
                                           {{1, 2, 5, 4}, {2, 2, 1, 1}, {.padding = 1}, {1, 2, 3, 2}},
                                           {{2, 2, 3, 2}, {2, 2, 3, 2}, {.padding = 1, .dilation = 2}, {2, 2, 5, 2}},
                                           {{1, 1, 3, 3}, {1, 2, 3, 3}, {.stride = 2, .padding = 1, .output_padding = 1, .dilation = 3}, {1, 2, 10, 10}},
                                           {{2, 4, 3, 2}, {4, 1, 4, 4}, {.stride = 2, .padding = 1, .groups = 2}, {2, 2, 6, 4}},
                                           {{1, 3, 3, 3}, {3, 2, 2, 3}, {.stride = 2, .dilation = 2, .groups = 3}, {1, 6, 7, 9}}};
    return list;
}

// The term of flipped tap (r, s) at y's row i and column j: x where it lies, else 0.
double tap(const std::vector<double>& x, const Case& z, std::int64_t n, std::int64_t c, std::int64_t i, std::int64_t j) {
    const std::int64_t rows = i + z.spec.padding, columns = j + z.spec.padding;
    if (rows < 0 || columns < 0 || rows % z.spec.stride != 0 || columns % z.spec.stride != 0) return 0;
    const std::int64_t row = rows / z.spec.stride, column = columns / z.spec.stride;
    if (row >= z.x[2] || column >= z.x[3]) return 0;
    return x[static_cast<std::size_t>(((n * z.x[1] + c) * z.x[2] + row) * z.x[3] + column)];
}

// Calls term(a, b) for (channel, row, column) of the flipped kernel.
template <class Term>
void for_terms(const Case& z, const std::vector<double>& x, const std::vector<double>& w, std::int64_t output, const Term& term) {
    const std::int64_t j = output % z.y[3], i = output / z.y[3] % z.y[2], o = output / z.y[3] / z.y[2] % z.y[1], n = output / z.y[3] / z.y[2] / z.y[1];
    const std::int64_t channels = z.x[1] / z.spec.groups, group = o / z.w[1];
    for (std::int64_t c = group * channels; c < (group + 1) * channels; ++c)
        for (std::int64_t r = z.w[2] - 1; r >= 0; --r)
            for (std::int64_t s = z.w[3] - 1; s >= 0; --s)
                term(tap(x, z, n, c, i - r * z.spec.dilation, j - s * z.spec.dilation),
                     w[static_cast<std::size_t>(((c * z.w[1] + o % z.w[1]) * z.w[2] + r) * z.w[3] + s)]);
}

class ConvTranspose2d : public CoreOps {};

TEST_F(ConvTranspose2d, EveryAccumulatorTakesTheTermsInOrder) {
    const Format f = Format::posit(8, 2), out = Format::posit(16, 1);
    for (const Case& z : cases()) {
        const Tensor x = normal(z.x, 1, f), w = normal(z.w, 2, f), bias = normal({z.y[1]}, 3, f);
        const auto xs = x.to_vector_double(), ws = w.to_vector_double(), bs = bias.to_vector_double();
        for (const char* name : {"exact", "exact(stochastic)", "rounded(posit(8,2))", "rounded(posit(16,1),posit(8,1))", "rounded(fp16,stochastic)",
                                 "compensated(bf16)", "chunked(5,exact,posit(16,2))", "chunked(4,rounded(posit(8,1)),posit(16,2))"}) {
            const Accumulator accumulator = Accumulator::parse(name);
            for (const bool with_bias : {false, true}) {
                ReferenceSum reference(accumulator, default_generator().seed(), default_generator().stream());
                const Tensor y = conv_transpose2d(x, w, with_bias ? bias : Tensor(), z.spec, {accumulator, out});
                ASSERT_EQ(y.shape(), z.y);
                const auto codes = y.codes();
                for (std::int64_t i = 0; i < y.elements(); ++i) {
                    reference.start(static_cast<std::uint64_t>(i), exact(with_bias ? bs[static_cast<std::size_t>(i / z.y[3] / z.y[2] % z.y[1])] : 0));
                    for_terms(z, xs, ws, i, [&](double a, double b) { reference.add(exact(a), exact(b)); });
                    ASSERT_EQ(codes[static_cast<std::size_t>(i)], reference.code(out))
                        << name << " " << z.y.str() << " output " << i << (with_bias ? " with bias" : "");
                }
            }
        }
    }
}

// Integers, whose sums no order changes.
TEST_F(ConvTranspose2d, FloatAccumulatorsSumTheSameTerms) {
    for (const Case& z : cases()) {
        const Integers x(z.x, 4, Format::posit(8, 2)), w(z.w, 5, Format::fixed(8, 2)), bias({z.y[1]}, 6);
        const auto xs = x.tensor.to_vector_double(), ws = w.tensor.to_vector_double();
        for (const Accumulator& accumulator : {Accumulator::float32(), Accumulator::float64()}) {
            std::vector<double> plain, with_bias;
            for (std::int64_t i = 0; i < z.y.elements(); ++i) {
                double sum = 0;
                for_terms(z, xs, ws, i, [&](double a, double b) { sum += a * b; });
                plain.push_back(sum);
                with_bias.push_back(sum + bias.values[static_cast<std::size_t>(i / z.y[3] / z.y[2] % z.y[1])]);
            }
            EXPECT_EQ(conv_transpose2d(x.tensor, w.tensor, {}, z.spec, {accumulator, Format::float32()}).to_vector_double(), plain) << z.y.str();
            EXPECT_EQ(conv_transpose2d(x.tensor, w.tensor, bias.tensor, z.spec, {accumulator, Format::posit(8, 1)}).codes(),
                      rounded(with_bias, Format::posit(8, 1)))
                << z.y.str();
        }
    }
}

TEST_F(ConvTranspose2d, AFormatWithoutZeroHasPaddingToo) {
    const Tensor x = Tensor::full({1, 1, 2, 2}, 2, Format::parse("e8m0")), w = Tensor::full({1, 1, 1, 1}, 4, Format::parse("e8m0"));
    const Tensor y = conv_transpose2d(x, w, Tensor::full({1}, 1), {.stride = 2}, {{}, Format::float32()});
    EXPECT_EQ(y.to_vector(), (std::vector<float>{9, 1, 9, 1, 1, 1, 9, 1, 9}));
}

TEST_F(ConvTranspose2d, ErrorsNameTheOpAndWhatCame) {
    const Tensor x = Tensor::zeros({1, 2, 3, 3}), w = Tensor::zeros({2, 4, 3, 3});
    EXPECT_EQ(error_of([&] {
                  conv_transpose2d(x, Tensor::zeros({3, 2, 3, 3}), {});
              }),
              "conv_transpose2d: shapes do not fit: x is [1, 2, 3, 3], w is [3, 2, 3, 3] (want [N, C, H, W] and [C, O / groups, R, S])");
    EXPECT_EQ(error_of([&] { conv_transpose2d(x, w, {}, {.dilation = 0}); }), "conv_transpose2d: dilation is out of range: dilation is 0 (want 1 to 1048576)");
    EXPECT_EQ(error_of([&] { conv_transpose2d(x, w, {}, {.groups = 3}); }),
              "conv_transpose2d: groups do not divide the channels: x is [1, 2, 3, 3], groups is 3 (want a divisor of x[1])");
    EXPECT_EQ(error_of([&] { conv_transpose2d(x, w, {}, {.stride = 2, .output_padding = 2}); }),
              "conv_transpose2d: output_padding is out of range: output_padding is 2 (want less than the stride, 2)");
    EXPECT_EQ(error_of([&] { conv_transpose2d(x, w, {}, {.padding = 3}); }),
              "conv_transpose2d: the padding takes all of the result: x is [1, 2, 3, 3], w is [2, 4, 3, 3], padding is 3 (want less)");
    EXPECT_EQ(error_of([&] { conv_transpose2d(x, w, Tensor::zeros({2})); }), "conv_transpose2d: bias does not fit: bias is [2], y is [1, 4, 5, 5] (want [4])");
    EXPECT_EQ(error_of([&] { conv_transpose2d(x, w, {}, {.stride = 0}); }), "conv_transpose2d: stride is out of range: stride is 0 (want 1 to 1048576)");
}

}  // namespace
}  // namespace taper::tests
