// Losses over elements and smoothed labels against long double; the order of their sums; NaN; threads; errors.
#include <cmath>
#include <limits>

#include "core/product_support.h"

namespace taper::tests {
namespace {

using core::point_loss;
using core::point_loss_backward;
using core::PointLoss;

long double loss_of(PointLoss kind, long double x, long double t) {
    if (kind == PointLoss::mse) return (x - t) * (x - t);
    const long double s = 1 / (1 + std::exp(-x));
    return -t * std::log(s) - (1 - t) * std::log(1 - s);
}
long double gradient_of(PointLoss kind, long double x, long double t) { return kind == PointLoss::mse ? 2 * (x - t) : 1 / (1 + std::exp(-x)) - t; }

// The code of `got` is that of a number within 1e-13 of `want`.
void expect_rounded(const Format& f, std::uint64_t got, long double want) {
    const double near = static_cast<double>(want), slack = 1e-13 * std::max(1.0, std::fabs(near));
    const double low = decode_one(f, encode_one(f, near - slack)), high = decode_one(f, encode_one(f, near + slack)), value = decode_one(f, got);
    EXPECT_TRUE(low <= value && value <= high) << f.name() << " gave " << value << " want " << near;
}

class Losses : public CoreOps {};

TEST_F(Losses, AreMeansRoundedOnce) {
    for (const PointLoss kind : {PointLoss::mse, PointLoss::bce_with_logits}) {
        for (const char* text : {"float32", "posit(8,2)", "posit(16,1)", "float64"}) {
            for (const std::int64_t n : {1, 9, 5000}) {
                const Format f = Format::parse(text), out = Format::posit(16, 2);
                const Tensor x = normal({n}, 1, f), target = uniform({n}, 0, 1, Format::posit(8, 1)), dloss = Tensor::full({}, 2.5);
                const auto v = x.to_vector_double(), t = target.to_vector_double();
                const auto dx = point_loss_backward(kind, x, target, dloss, out).codes();
                long double sum = 0;
                for (std::size_t i = 0; i < v.size(); ++i) {
                    sum += loss_of(kind, v[i], t[i]);
                    expect_rounded(out, dx[i], gradient_of(kind, v[i], t[i]) * 2.5L / static_cast<long double>(n));
                }
                const Tensor loss = point_loss(kind, x, target);
                EXPECT_EQ(loss.shape(), Shape{});
                EXPECT_EQ(loss.format(), f == Format::float64() ? f : Format::float32());
                expect_rounded(loss.format(), loss.codes()[0], sum / static_cast<long double>(n));
            }
        }
    }
}

// Terms whose sum depends on its order: blocks of 4096, 8 lanes.
TEST_F(Losses, AddInTheOrderOfReductions) {
    const Tensor x = normal({9001}, 2, Format::float64()), zero = Tensor::zeros({9001}, Format::float64());
    const Tensor squares = core::unary(Unary::square, x);
    EXPECT_EQ(point_loss(PointLoss::mse, x, zero).codes(), core::reduce(core::Reduction::mean, squares).codes());
}

TEST_F(Losses, FarLogitsNeitherOverflowNorCancel) {
    const Tensor x = Tensor::from({-800, 800, -30, 30}, {4}, Format::float64()), target = Tensor::from({1, 0, 0, 1}, {4});
    const double e = std::exp(-30.0);
    EXPECT_DOUBLE_EQ(point_loss(PointLoss::bce_with_logits, x, target).item(), (800 + 800 + 2 * std::log1p(e)) / 4);
    const auto dx = point_loss_backward(PointLoss::bce_with_logits, x, target, Tensor::full({}, 4)).to_vector_double();
    EXPECT_EQ(dx[0], -1);
    EXPECT_EQ(dx[1], 1);
    EXPECT_DOUBLE_EQ(dx[2], e / (1 + e));
}

TEST_F(Losses, SmoothedLabelsAreAMixture) {
    const double e = 0.1;
    for (const char* text : {"float32", "posit(8,2)"}) {
        const Format f = Format::parse(text), out = Format::posit(16, 2);
        const Tensor logits = normal({37, 10}, 5, f), labels = Tensor::zeros({37}, Format::int32());
        const auto v = logits.to_vector_double();
        const auto dx = core::cross_entropy_backward(logits, labels, Tensor::full({}, 2.5), out, e).codes();
        long double loss = 0;
        for (std::size_t row = 0; row < 37; ++row) {
            long double sum = 0;
            for (std::size_t i = 0; i < 10; ++i) sum += std::exp(static_cast<long double>(v[row * 10 + i]));
            for (std::size_t i = 0; i < 10; ++i) {
                const long double q = (i == 0 ? 1.0L - e : 0.0L) + e / 10.0L;
                loss -= q * (v[row * 10 + i] - std::log(sum)) / 37;
                expect_rounded(out, dx[row * 10 + i], (std::exp(static_cast<long double>(v[row * 10 + i])) / sum - q) * 2.5L / 37);
            }
        }
        expect_rounded(Format::float32(), core::cross_entropy(logits, labels, e).codes()[0], loss);
        EXPECT_EQ(core::cross_entropy(logits, labels, 0).codes(), core::cross_entropy(logits, labels).codes());
    }
}

TEST_F(Losses, NanMakesTheLossNanAndItsGradientAlone) {
    const Tensor x = Tensor::from({1, std::numeric_limits<float>::quiet_NaN(), 0}, {3}, Format::posit(8, 2)), target = Tensor::from({1, 0, 0}, {3});
    for (const PointLoss kind : {PointLoss::mse, PointLoss::bce_with_logits}) {
        EXPECT_TRUE(std::isnan(point_loss(kind, x, target).item()));
        const auto dx = point_loss_backward(kind, x, target, Tensor::full({}, 1)).to_vector();
        EXPECT_TRUE(!std::isnan(dx[0]) && std::isnan(dx[1]) && !std::isnan(dx[2]));
    }
    EXPECT_EQ(point_loss_backward(PointLoss::mse, x, x, Tensor::full({}, -1)).codes()[0], 0u);
}

TEST_F(Losses, ResultsDoNotDependOnThreads) {
    const Tensor x = normal({70000}, 6), target = uniform({70000}, 0, 1), dloss = Tensor::full({}, 1);
    for (const PointLoss kind : {PointLoss::mse, PointLoss::bce_with_logits}) {
        expect_same_for_all_thread_counts([&] { return point_loss(kind, x, target); }, "loss");
        expect_same_for_all_thread_counts([&] { return point_loss_backward(kind, x, target, dloss); }, "gradient");
    }
}

TEST_F(Losses, ErrorsNameTheOpAndWhatCame) {
    const Tensor x = Tensor::zeros({2, 3});
    EXPECT_EQ(error_of([&] { point_loss(PointLoss::mse, x, Tensor::zeros({3})); }), "mse_loss: shapes differ: x is [2, 3], target is [3] (want one shape)");
    EXPECT_EQ(error_of([&] { point_loss(PointLoss::bce_with_logits, Tensor::zeros({0}), Tensor::zeros({0})); }),
              "bce_with_logits_loss: nothing to take the mean of: x is [0] (want at least one element)");
    EXPECT_EQ(error_of([&] { point_loss_backward(PointLoss::mse, x, x, x); }),
              "mse_loss_backward: dloss is not one number: dloss is [2, 3] (want one element)");
    EXPECT_EQ(error_of([&] { core::cross_entropy(x, Tensor::zeros({2}, Format::int32()), 1.5); }),
              "cross_entropy: label_smoothing is out of range: 1.5 (want 0 to 1)");
}

}  // namespace
}  // namespace taper::tests
