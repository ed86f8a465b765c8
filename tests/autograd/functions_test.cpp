// The pages of autograd/functions in posits: each gradient is one rounding of a value known in float64.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "autograd/ops_of_tests.h"

namespace taper {
namespace {

using namespace tests;

const Format p8 = Format::posit(8, 2), p16 = Format::posit(16, 2), f32 = Format::float32(), f64 = Format::float64();

// Just above the middle between 1 and 1.125 in posit(8,2); in float32 the 2^-30 is lost, and the tie goes to 1.
const double above_tie = 1.0625 + 0x1p-30;

std::vector<double> grad(const Variable& x) { return x.grad().to_vector_double(); }
std::vector<double> rounded(std::vector<double> values, const Format& format) {
    for (double& v : values) v = r(v, format);
    return values;
}

// A result whose gradient is what the test says, held in `format`.
Variable receives(Variable y, const std::vector<double>& dy, const Format& format = f64) {
    y.set_gradient_target(format);
    return sends(y, dy);
}

TEST(Quantize, RoundsForwardAndTheGradientOnItsWayBack) {
    const Format e4m3 = Format::parse("e4m3");
    const Variable x = Variable::leaf(vector_of({1.07, -0.3}, f32), p16);
    const Variable y = quantize(x, p8, e4m3);
    EXPECT_EQ(y.format(), p8);
    EXPECT_EQ(y.value().to_vector_double(), rounded({static_cast<double>(1.07F), static_cast<double>(-0.3F)}, p8));
    backward(receives(y, {1.07, 0.011}));
    EXPECT_EQ(x.grad().format(), p16);
    EXPECT_EQ(grad(x), rounded({1.07, 0.011}, e4m3));
    EXPECT_NE(grad(x), rounded({1.07, 0.011}, p16));
}

TEST(Quantize, EqualRoundingsAreOne) {
    const Variable both = Variable::leaf(Tensor::zeros({1}), p8), unset = Variable::leaf(Tensor::zeros({1}), p8);
    backward(receives(quantize(both, p16, p8), {above_tie}));
    backward(receives(to(unset, p16), {above_tie}));
    EXPECT_EQ(grad(both), std::vector<double>{1.125});
    EXPECT_EQ(grad(unset), std::vector<double>{1.125});
}

TEST(Shapes, MovedGradientsAreRoundedOnceToo) {
    const std::vector<double> dy{above_tie, 0.3, -77.7, 1e-9, 5.1, 0};
    const auto check = [&](const Variable& x, const Variable& y, std::vector<double> want) {
        backward(receives(y, dy));
        EXPECT_EQ(x.grad().format(), p8);
        EXPECT_EQ(grad(x), rounded(std::move(want), p8));
    };
    const auto leaf = [](const Shape& shape) { return Variable::leaf(Tensor::zeros(shape), p8); };
    const Variable a = leaf({6}), b = leaf({3, 2}), c = leaf({3, 2}), d = leaf({2, 4}), e = leaf({2, 1}), f = leaf({2, 2}), g = leaf({3}), h = leaf({2});
    check(a, reshape(a, {2, 3}), dy);
    check(b, permute(b, {1, 0}), {dy[0], dy[3], dy[1], dy[4], dy[2], dy[5]});
    check(c, transpose(c), {dy[0], dy[3], dy[1], dy[4], dy[2], dy[5]});
    check(d, slice(d, 1, 1, 4), {0, dy[0], dy[1], dy[2], 0, dy[3], dy[4], dy[5]});
    check(e, broadcast_to(e, {2, 3}), {dy[0] + dy[1] + dy[2], dy[3] + dy[4] + dy[5]});
    check(f, concatenate({Tensor::zeros({2, 1}), f}, 1), {dy[1], dy[2], dy[4], dy[5]});
    const Tensor index = Tensor::from(std::vector<std::int32_t>{0, 2, 0, 2, 2, 2}, {6});
    check(g, gather(g, 0, index), {dy[0] + dy[2], 0, dy[1] + dy[3] + dy[4] + dy[5]});
    check(h, add(Tensor::zeros({3, 2}), h), {dy[0] + dy[2] + dy[4], dy[1] + dy[3] + dy[5]});
}

TEST(Reductions, GradientsAreSpreadAndRoundedOnce) {
    const Variable s = Variable::leaf(Tensor::zeros({2, 3}), p8), m = Variable::leaf(Tensor::zeros({2, 3}), p8);
    backward(receives(sum(s, {1}), {above_tie, 0.3}));
    EXPECT_EQ(grad(s), rounded({above_tie, above_tie, above_tie, 0.3, 0.3, 0.3}, p8));
    backward(receives(mean(m, {0}, true), {2 * above_tie, 0.3, -7}));
    EXPECT_EQ(grad(m), rounded({above_tie, 0.15, -3.5, above_tie, 0.15, -3.5}, p8));
    const Variable v = Variable::leaf(vector_of({1, 2, 6}, f32), p8);
    backward(receives(variance(v), {1.5}));
    EXPECT_EQ(grad(v), rounded({-2, -1, 3}, p8));
}

TEST(Max, EveryMaximumReceivesAnEqualShare) {
    const Variable x = Variable::leaf(doubles({1, 3, 3, -2, -5, -2, 7, 0, 1}, {3, 3}, p8), p16);
    backward(receives(max(x, {1}), {1.1, 0.3, 5}));
    EXPECT_EQ(grad(x), rounded({0, 0.55, 0.55, 0.15, 0, 0.15, 5, 0, 0}, p16));
}

TEST(Max, NarTakesItsRowAlone) {
    const Variable x = Variable::leaf(doubles({1, std::nan(""), 2, 3}, {2, 2}, p8), p8);
    const Variable y = max(x, {1});
    EXPECT_TRUE(y.value().number(0).is_nan());
    backward(sum(y));
    EXPECT_TRUE(x.grad().number(0).is_nan() && x.grad().number(1).is_nan());
    EXPECT_EQ(x.grad().number(2).value(), 0);
    EXPECT_EQ(x.grad().number(3).value(), 1);
}

TEST(Relu, PassesTheGradientOrExactlyZeroAndKeepsNar) {
    const Variable x = Variable::leaf(vector_of({-1, 0, 2, 1e-6, std::nan("")}, p8), p8);
    const Variable y = relu(x);
    EXPECT_TRUE(y.value().number(4).is_nan());
    backward(receives(y, {0.7, 0.7, above_tie, -3, 1}));
    for (int i = 0; i < 2; ++i) EXPECT_EQ(x.grad().number(i).code(), 0U);
    EXPECT_EQ(x.grad().number(2).value(), 1.125);
    EXPECT_EQ(x.grad().number(3).value(), -3);
}

TEST(CrossEntropy, GradientIsOneRoundingAndAFloat32LossComesOut) {
    const std::vector<double> z{1, -2, 0.5, 3, 0, 0.25};
    const Variable logits = Variable::leaf(doubles(z, {2, 3}, p16), p8);
    const Variable loss = cross_entropy(logits, Tensor::from(std::vector<std::int32_t>{2, 0}, {2}));
    EXPECT_EQ(loss.format(), f32);
    double want_loss = 0;
    std::vector<double> want;
    for (int n = 0; n < 2; ++n) {
        double total = 0;
        for (int c = 0; c < 3; ++c) total += std::exp(z[3 * n + c]);
        const int label = n == 0 ? 2 : 0;
        for (int c = 0; c < 3; ++c) want.push_back((std::exp(z[3 * n + c]) / total - (c == label ? 1 : 0)) / 2);
        want_loss -= std::log(std::exp(z[3 * n + label]) / total) / 2;
    }
    EXPECT_NEAR(loss.value().item(), want_loss, 1e-6);
    backward(loss);
    EXPECT_EQ(grad(logits), rounded(want, p8));
}

TEST(Softmax, GradientReadsTheRoundedOutput) {
    const Variable x = Variable::leaf(doubles({1, 2, 4}, {1, 3}, p8), p16);
    const Variable y = softmax(x);
    const std::vector<double> p = y.value().to_vector_double(), dy{1, -0.5, 0.25};
    const double dot = p[0] * dy[0] + p[1] * dy[1] + p[2] * dy[2];
    backward(receives(y, dy));
    EXPECT_EQ(grad(x), rounded({p[0] * (dy[0] - dot), p[1] * (dy[1] - dot), p[2] * (dy[2] - dot)}, p16));
}

// f(activation) and relu of f(none): values and gradients of the leaves.
void expect_fused_relu(const std::vector<Variable>& leaves, const std::function<Variable(Activation)>& f) {
    const auto run = [&](bool fused) {
        Variable y = f(fused ? Activation::relu : Activation::none);
        y.set_gradient_target(p8);
        if (!fused) y = relu(y);
        std::vector<double> dy = y.value().to_vector_double();
        for (std::size_t i = 0; i < dy.size(); ++i) dy[i] = 0.3 * static_cast<double>(i % 5) - 0.5;
        backward(receives(y, dy, p8));
        std::vector<std::vector<std::uint64_t>> codes{y.value().codes()};
        for (Variable leaf : leaves) {
            codes.push_back(leaf.grad().codes());
            leaf.zero_grad();
        }
        return codes;
    };
    EXPECT_EQ(run(true), run(false));
}

TEST(FusedRelu, HasTheBitsOfAReluBehindTheOp) {
    const auto leaf = [](const Shape& shape, int seed) {
        std::vector<double> values(static_cast<std::size_t>(shape.elements()));
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<double>(i * 7 + static_cast<std::size_t>(seed)));
        return Variable::leaf(doubles(values, shape, p16), p8);
    };
    const Variable x = leaf({2, 4, 6, 6}, 1), w = leaf({3, 4, 3, 3}, 2), b = leaf({3}, 3), rows = leaf({2, 5, 4}, 4), weight = leaf({3, 4}, 5), right = leaf({4, 3}, 6),
                   transposed = leaf({4, 3, 3, 3}, 7), four = leaf({4}, 8), other = leaf({4}, 9);
    expect_fused_relu({x, w, b}, [&](Activation then) { return conv2d(x, w, b, {.padding = 1}, {.output = p8, .activation = then}); });
    expect_fused_relu({x, transposed, b}, [&](Activation then) { return conv_transpose2d(x, transposed, b, {}, {.output = p8, .activation = then}); });
    expect_fused_relu({rows, weight, b}, [&](Activation then) { return linear(rows, weight, b, {.output = p8, .activation = then}); });
    expect_fused_relu({rows, right}, [&](Activation then) { return matmul(rows, right, {.output = p8, .activation = then}); });
    expect_fused_relu({x, four, other}, [&](Activation then) { return batch_norm(x, four, other, 1e-5, p8, then); });
    expect_fused_relu({x, four, other}, [&](Activation then) { return group_norm(x, 2, four, other, 1e-5, p8, then); });
    expect_fused_relu({rows, four, other}, [&](Activation then) { return layer_norm(rows, {4}, four, other, 1e-5, p8, then); });
}

// Small integers and quarters: every float32 sum is exact, so that what is tested is the one rounding.
struct Layer {
    std::vector<double> x{1, -2, 3, 0.5, 4, 0.25, -1, 2, 2, 1, -0.5, 3}, w{2, 1, -1, 0.75, 3, 0.5}, b{0.25, -3}, dy{1, 2, -1, 0.5, 0.25, 3, 2, -2};
};

TEST(Linear, EachGradientIsOneRoundingOfItsExactSum) {
    const Layer l;
    const Variable x = Variable::leaf(doubles(l.x, {2, 2, 3}, p16), p8), w = Variable::leaf(doubles(l.w, {2, 3}, p16), p8),
                   b = Variable::leaf(vector_of(l.b, p16), p8);
    const Variable y = linear(x, w, b, {.output = p8});
    std::vector<double> want_y(8), dx(12), dw(6), db(2);
    for (int n = 0; n < 4; ++n) {
        for (int o = 0; o < 2; ++o) {
            want_y[2 * n + o] = l.b[o];
            db[o] += l.dy[2 * n + o];
            for (int i = 0; i < 3; ++i) {
                want_y[2 * n + o] += l.x[3 * n + i] * l.w[3 * o + i];
                dx[3 * n + i] += l.dy[2 * n + o] * l.w[3 * o + i];
                dw[3 * o + i] += l.dy[2 * n + o] * l.x[3 * n + i];
            }
        }
    }
    EXPECT_EQ(y.shape(), Shape({2, 2, 2}));
    EXPECT_EQ(y.value().to_vector_double(), rounded(want_y, p8));
    backward(receives(y, l.dy, f32));
    EXPECT_EQ(grad(x), rounded(dx, p8));
    EXPECT_EQ(grad(w), rounded(dw, p8));
    EXPECT_EQ(grad(b), rounded(db, p8));
}

TEST(Linear, BiasGradientIsSummedInFloat64) {
    const Variable b = Variable::leaf(Tensor::zeros({1}), p8);
    backward(receives(linear(Tensor::zeros({2, 3}), Tensor::zeros({1, 3}), b), {1.0625, 0x1p-30}));
    EXPECT_EQ(grad(b), std::vector<double>{1.125});
}

TEST(Matmul, BroadcastGradientsAreSummedBeforeTheOneRounding) {
    const Variable a = Variable::leaf(Tensor::full({3, 1, 2}, 1, p8), p8), b = Variable::leaf(Tensor::full({1, 2, 1}, 1, p8), p8);
    backward(receives(matmul(a, b), {1, 0.03125, 0.03125 + 0x1p-10}));  // their sum in float32: 1.0635
    EXPECT_EQ(grad(b), (std::vector<double>{1.125, 1.125}));
    EXPECT_EQ(grad(a), rounded({1, 1, 0.03125, 0.03125, 0.03125 + 0x1p-10, 0.03125 + 0x1p-10}, p8));
}

// 2^12 + 2^-20 - 2^12: a float32 sum loses the small term, an exact one does not.
TEST(Matmul, EachProductUsesItsOwnAccumulator) {
    const std::vector<double> cancelling{0x1p12, 0x1p-20, -0x1p12}, ones{1, 1, 1};
    const Format bf16 = Format::parse("bf16");
    const auto gradients = [&](const ProductOptions& options) {
        const Variable a = Variable::leaf(doubles(cancelling, {1, 3}, bf16), f32), b = Variable::leaf(doubles(ones, {3, 1}, bf16), f32);
        ProductOptions with_output = options;
        with_output.output = f32;
        const Variable y = matmul(a, b, with_output);
        const double forward = y.value().to_vector_double().at(0);
        const Variable c = Variable::leaf(doubles({1}, {1, 1}, bf16), f32), d = Variable::leaf(doubles(cancelling, {1, 3}, bf16), f32);
        backward(receives(matmul(c, d, with_output), ones, f32));  // dc = sum of d
        const Variable e = Variable::leaf(doubles(cancelling, {3, 1}, bf16), f32), f = Variable::leaf(doubles({1}, {1, 1}, bf16), f32);
        backward(receives(matmul(e, f, with_output), ones, f32));  // df = sum of e
        return std::vector<double>{forward, grad(c).at(0), grad(f).at(0)};
    };
    EXPECT_EQ(gradients({}), (std::vector<double>{0, 0, 0}));
    EXPECT_EQ(gradients({.forward = Accumulator::exact()}), (std::vector<double>{0x1p-20, 0, 0}));
    EXPECT_EQ(gradients({.backward_data = Accumulator::exact()}), (std::vector<double>{0, 0x1p-20, 0}));
    EXPECT_EQ(gradients({.backward_weights = Accumulator::exact()}), (std::vector<double>{0, 0, 0x1p-20}));
}

TEST(Conv2d, AgreesWithLinearWhereTheKernelCoversTheImage) {
    const Layer l;
    const Variable x = Variable::leaf(doubles(l.x, {4, 1, 1, 3}, p16), p8), w = Variable::leaf(doubles(l.w, {2, 1, 1, 3}, p16), p8),
                   b = Variable::leaf(vector_of(l.b, p16), p8);
    const Variable x2 = Variable::leaf(doubles(l.x, {4, 3}, p16), p8), w2 = Variable::leaf(doubles(l.w, {2, 3}, p16), p8),
                   b2 = Variable::leaf(vector_of(l.b, p16), p8);
    const Variable y = conv2d(x, w, b, {}, {.output = p8}), y2 = linear(x2, w2, b2, {.output = p8});
    EXPECT_EQ(y.value().codes(), y2.value().codes());
    backward(receives(y, l.dy, f32));
    backward(receives(y2, l.dy, f32));
    EXPECT_EQ(x.grad().codes(), x2.grad().codes());
    EXPECT_EQ(w.grad().codes(), w2.grad().codes());
    EXPECT_EQ(b.grad().codes(), b2.grad().codes());
}

TEST(Pools, OverlappingWindowsAddUpBeforeTheOneRounding) {
    const Variable x = Variable::leaf(doubles({0, 9, 0, 1, 0, 2}, {1, 1, 2, 3}, p8), p8), z = Variable::leaf(Tensor::zeros({1, 1, 2, 3}, p8), p8);
    backward(receives(max_pool2d(x, {.kernel = 2, .stride = 1}), {1.03, 0.05}));
    EXPECT_EQ(grad(x), (std::vector<double>{0, 1.125, 0, 0, 0, 0}));  // r(1.08); r(1.03) + r(0.05) would be 1.0
    backward(receives(avg_pool2d(z, {.kernel = 2, .stride = 1}), {4.12, 0.2}));
    EXPECT_EQ(grad(z), rounded({1.03, 1.08, 0.05, 1.03, 1.08, 0.05}, p8));
}

// docs/guide.md's op of one's own: y = x^3, dx = 3 x^2 dy.
Variable cube(const Variable& x) {
    const Format wide = x.format() == f64 ? f64 : f32;
    Tensor v = x.value().to(wide), y = core::binary(Binary::mul, core::unary(Unary::square, v), v, x.format());
    return make_result("cube", y, {x}, [&]() -> GradientFunction {
        return [saved = Saved(x.value()), wide](const Tensor& dy, const std::vector<GradientRequest>& requests) {
            Tensor derivative = core::unary(Unary::scale, core::unary(Unary::square, saved.get().to(wide)), 3);
            return std::vector<Tensor>{core::binary(Binary::mul, derivative, dy.to(wide), requests[0].target)};
        };
    });
}

TEST(UsersOp, ForwardAndGradientAreRoundedOnce) {
    const Variable x = Variable::leaf(vector_of({1, -0.5, 2, 1.25}, p8), p16);
    const Variable y = cube(x);
    EXPECT_EQ(y.value().to_vector_double(), rounded({1, -0.125, 8, 1.953125}, p8));
    backward(sum(y));
    EXPECT_EQ(grad(x), rounded({3, 0.75, 12, 4.6875}, p16));
}

}  // namespace
}  // namespace taper
