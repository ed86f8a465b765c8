// Reductions: the stated order of additions bit for bit, and long double within its error.
#include <cmath>
#include <limits>

#include <omp.h>

#include "core/ops_support.h"

namespace taper::tests {
namespace {

using core::reduce;
using core::Reduction;

double defined(Reduction kind, const std::vector<double>& x) {
    const double n = static_cast<double>(x.size());
    if (kind == Reduction::sum) return defined_sum(x);
    if (kind == Reduction::mean) return defined_sum(x) / n;
    if (kind == Reduction::variance) {
        const double mean = defined_sum(x) / n;
        std::vector<double> squares;
        for (const double v : x) squares.push_back((v - mean) * (v - mean));
        return defined_sum(squares) / n;
    }
    if (kind == Reduction::squares) {
        std::vector<double> squares;
        for (const double v : x) squares.push_back(v * v);
        return defined_sum(squares);
    }
    double best = x[0];
    for (const double v : x) best = std::isnan(best) || v <= best ? best : v;
    return best;
}

constexpr Reduction kinds[] = {Reduction::sum, Reduction::mean, Reduction::variance, Reduction::max, Reduction::squares};

// For each output, the reduced elements in row-major order.
std::vector<std::vector<double>> groups(const Tensor& x, const std::vector<int>& axes) {
    std::vector<bool> reduced(static_cast<std::size_t>(x.rank()), axes.empty());
    for (const int a : axes) reduced[static_cast<std::size_t>(x.shape().axis(a))] = true;
    const auto values = x.to_vector_double();
    std::int64_t outputs = 1;
    for (int a = 0; a < x.rank(); ++a) outputs *= reduced[static_cast<std::size_t>(a)] ? 1 : x.size(a);
    std::vector<std::vector<double>> result(static_cast<std::size_t>(outputs));
    const auto strides = x.shape().strides();
    for (std::int64_t i = 0; i < x.elements(); ++i) {
        std::int64_t group = 0;
        for (int a = 0; a < x.rank(); ++a) {
            if (!reduced[static_cast<std::size_t>(a)]) group = group * x.size(a) + i / strides[static_cast<std::size_t>(a)] % x.size(a);
        }
        result[static_cast<std::size_t>(group)].push_back(values[static_cast<std::size_t>(i)]);
    }
    return result;
}

struct Case {
    Shape shape;
    std::vector<int> axes;
};

const std::vector<Case>& cases() {
    static const std::vector<Case> list = {{{100003}, {}},      {{8191}, {0}},         {{}, {}},           {{1}, {}},           {{64, 10}, {0}},        {{64, 10}, {1}},
                                           {{3, 5000}, {-1}},   {{5000, 3}, {0}},      {{4200, 130}, {0}}, {{4, 6, 7, 5}, {0, 2, 3}}, {{2, 3, 4, 5}, {1, 2}}, {{2, 3, 4, 5}, {0, 3}},
                                           {{2, 700, 150}, {1}}, {{3, 1, 4}, {1}},     {{7, 1025}, {1}},   {{2, 3, 4}, {}},     {{300, 2, 129}, {0}},   {{1, 5, 1}, {0, 2}}};
    return list;
}

class Reduce : public CoreOps {};

TEST_F(Reduce, FollowsTheDefinedOrder) {
    for (const char* text : {"float64", "float32", "posit(8,2)", "fp16", "posit(32,2)"}) {
        const Format f = Format::parse(text);
        for (const auto& [shape, axes] : cases()) {
            const Tensor x = Tensor::from(normal_values(static_cast<std::size_t>(shape.elements()), 1), shape, f);
            const auto parts = groups(x, axes);
            for (const Reduction kind : kinds) {
                const auto got = reduce(kind, x, axes, false, Format::float64()).to_vector_double();
                ASSERT_EQ(got.size(), parts.size());
                std::vector<double> want;
                for (const auto& part : parts) want.push_back(defined(kind, part));
                ASSERT_EQ(got, want) << text << " " << shape.str() << " kind " << static_cast<int>(kind);
                const Tensor rounded = reduce(kind, x, axes, true);
                EXPECT_EQ(rounded.codes(), Tensor::from(want, rounded.shape(), f).codes()) << text << " " << shape.str();
            }
        }
    }
}

TEST_F(Reduce, IsAsExactAsFloat64) {
    const auto x = normal_values(1 << 20, 2);
    long double sum = 0, size = 0;
    for (const double v : x) sum += v, size += std::fabs(v);
    const double got = reduce(Reduction::sum, Tensor::from(x, {1 << 20}, Format::float64())).item();
    EXPECT_NEAR(got, static_cast<double>(sum), static_cast<double>(size) * 1e-14);
    EXPECT_EQ(reduce(Reduction::sum, Tensor::full({1 << 20}, 0.0625, Format::posit(8, 2)), {}, false, Format::float32()).item(), 65536);
    EXPECT_EQ(reduce(Reduction::variance, Tensor::full({1000}, 1e8, Format::float64())).item(), 0);
}

TEST_F(Reduce, NanWinsInMaxAndArgmax) {
    const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
    for (const char* text : {"float64", "float32", "posit(8,2)", "e4m3"}) {
        const Format f = Format::parse(text);
        const Tensor x = Tensor::from(std::vector<double>{1, 3, 3, -2, nan, 5, 7, nan, -1, -4, -1, -9}, {3, 4}, f);
        const auto rows = reduce(Reduction::max, x, std::vector<int>{1}).to_vector_double(), columns = reduce(Reduction::max, x, std::vector<int>{0}).to_vector_double();
        EXPECT_EQ(rows[0], 3);
        EXPECT_TRUE(std::isnan(rows[1]));
        EXPECT_EQ(rows[2], -1);
        EXPECT_TRUE(std::isnan(columns[0]) && std::isnan(columns[3]));
        EXPECT_EQ(columns[2], 7);
        EXPECT_EQ(core::argmax(x).to_int32_vector(), (std::vector<std::int32_t>{1, 0, 0}));
        EXPECT_EQ(core::argmax(x, 0).to_int32_vector(), (std::vector<std::int32_t>{1, 1, 1, 1}));
    }
    const Tensor low = Tensor::from(std::vector<double>{-infinity, -infinity}, {2}, Format::float32());
    EXPECT_EQ(reduce(Reduction::max, low).item(), -infinity);
    EXPECT_EQ(core::argmax(low).to_int32_vector(), (std::vector<std::int32_t>{0}));
}

TEST_F(Reduce, ArgmaxFindsTheFirstOfTheLargestOnEveryAxis) {
    const Tensor x = Tensor::from_codes(random_codes(Format::fixed(4, 0), 5 * 1100 * 150, 3), {5, 1100, 150}, Format::fixed(4, 0));
    for (const int axis : {0, 1, 2}) {
        const auto got = core::argmax(x, axis).to_int32_vector();
        const auto parts = groups(x, {axis});
        ASSERT_EQ(got.size(), parts.size());
        for (std::size_t i = 0; i < parts.size(); ++i) ASSERT_EQ(got[i], std::max_element(parts[i].begin(), parts[i].end()) - parts[i].begin());
    }
}

TEST_F(Reduce, SumToUndoesBroadcasting) {
    const Tensor x = Tensor::from(normal_values(4 * 6 * 50, 4), {4, 6, 5, 10}, Format::posit(8, 2));
    for (const Shape& shape : {Shape{1, 6, 1, 1}, Shape{6, 1, 1}, Shape{10}, Shape{}, Shape{4, 1, 5, 1}, Shape{1, 1, 1, 1}, Shape{4, 6, 5, 10}}) {
        std::vector<int> axes;
        for (int a = 0; a < 4; ++a) {
            const int own = a - (4 - shape.rank());
            if (own < 0 || shape[own] != x.size(a)) axes.push_back(a);
        }
        const Tensor got = core::sum_to(x, shape, Format::float32());
        ASSERT_EQ(got.shape(), shape);
        std::vector<double> want;
        if (axes.empty()) {
            want = x.to_vector_double();
        } else {
            for (const auto& part : groups(x, axes)) want.push_back(defined_sum(part));
        }
        EXPECT_EQ(got.codes(), Tensor::from(want, shape).codes()) << shape.str();
    }
}

TEST_F(Reduce, ResultsDoNotDependOnThreads) {
    for (const auto& [shape, axes] : cases()) {
        const Tensor x = Tensor::from(normal_values(static_cast<std::size_t>(shape.elements()), 5), shape);
        for (const Reduction kind : kinds) {
            omp_set_num_threads(1);
            const auto one = reduce(kind, x, axes).codes();
            omp_set_num_threads(2);
            EXPECT_EQ(reduce(kind, x, axes).codes(), one) << shape.str();
        }
    }
}

TEST_F(Reduce, ErrorsNameTheOpAndWhatCame) {
    const Tensor x = Tensor::zeros({2, 3}), empty = Tensor::zeros({0, 3});
    EXPECT_EQ(error_of([&] { reduce(Reduction::sum, x, std::vector<int>{2}); }), "sum: no such axis: 2 of [2, 3] (want one from -2 to 1)");
    EXPECT_EQ(error_of([&] { reduce(Reduction::sum, x, std::vector<int>{1, -1}); }), "sum: an axis is named twice: -1 of [2, 3] (want different axes)");
    EXPECT_EQ(error_of([&] { reduce(Reduction::mean, empty, std::vector<int>{0}); }), "mean: nothing to reduce: x is [0, 3] (want at least one element)");
    EXPECT_EQ(reduce(Reduction::sum, empty, std::vector<int>{0}).to_vector(), (std::vector<float>{0, 0, 0}));
    EXPECT_EQ(reduce(Reduction::max, empty, std::vector<int>{1}).shape(), Shape{0});
    EXPECT_EQ(error_of([&] { core::argmax(empty, 0); }), "argmax: nothing to reduce: x is [0, 3] (want at least one element)");
    EXPECT_EQ(error_of([&] { core::sum_to(x, {2}); }), "sum_to: the shape does not broadcast to x: x is [2, 3], shape is [2] (want sizes of x, or 1)");
    EXPECT_EQ(error_of([&] { reduce(Reduction::sum, Tensor::zeros({2}, Format::int32())); }), "sum: no arithmetic on indices: x is int32 (want a number format)");
}

}  // namespace
}  // namespace taper::tests
