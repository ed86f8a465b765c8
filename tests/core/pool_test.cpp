// Pooling against plain loops over decoded values: every window shape, every path by codes, NaN, ties, threads.
#include <cmath>
#include <limits>

#include <omp.h>

#include "core/ops_support.h"

namespace taper::tests {
namespace {

using core::Pool2dSpec;

struct Case {
    Shape shape;
    Pool2dSpec spec;
};

const std::vector<Case>& cases() {
    static const std::vector<Case> list = {{{2, 3, 28, 28}, {}},       {{3, 2, 7, 9}, {}},        {{1, 1, 4, 4100}, {}},     {{1, 1, 2, 2}, {}},      {{2, 2, 5, 4}, {}},
                                           {{2, 1, 4, 5}, {}},         {{2, 2, 9, 8}, {3, 2, 1}}, {{1, 2, 6, 7}, {3, 1, 1}}, {{2, 1, 8, 8}, {3, 3, 0}}, {{1, 1, 7, 7}, {2, 1, 0}},
                                           {{1, 2, 5, 5}, {2, 2, 1}},  {{1, 1, 15, 16}, {15, 1, 7}}, {{2, 2, 6, 6}, {1, 1, 0}}, {{2, 3, 9, 9}, {2, 3, 0}}, {{0, 3, 4, 4}, {}}};
    return list;
}

std::vector<Format> pool_formats() {
    return parse_all({"float32", "posit(8,2)", "posit(16,2)", "posit(12,1)", "posit(6,0)", "fixed(8,4)", "fixed(16,8)", "e4m3", "e4m3fnuz", "fp16", "bf16", "e2m1", "e5m2,sat", "posit(32,2)",
                      "float64"});
}

// Codes with ties, zeros of both signs, infinities and NaN among them.
Tensor sample(const Shape& shape, const Format& f, std::uint64_t seed) {
    auto codes = random_codes(f, static_cast<std::size_t>(shape.elements()), seed);
    std::mt19937_64 random(seed);
    const std::uint64_t zeros[] = {0, std::uint64_t{1} << (f.bits() - 1)};  // -0, or NaR, or the lowest of fixed
    for (std::size_t i = 0; i < codes.size(); ++i) {
        if (random() % 4 == 0) codes[i] = zeros[random() % 16 == 0 ? 1 : 0];
        if (i > 0 && random() % 4 == 0) codes[i] = codes[i - 1];
    }
    return Tensor::from_codes(codes, shape, f);
}

// body(output, input, number) for every position of every window that lies within the image.
template <class Body>
void for_windows(const Shape& x, const Shape& y, const Pool2dSpec& s, const Body& body) {
    for (std::int64_t i = 0; i < y.elements(); ++i) {
        const std::int64_t plane = i / (y[2] * y[3]), p = i / y[3] % y[2], q = i % y[3];
        for (std::int64_t n = 0; n < s.kernel * s.kernel; ++n) {
            const std::int64_t row = p * s.stride - s.padding + n / s.kernel, column = q * s.stride - s.padding + n % s.kernel;
            if (row >= 0 && row < x[2] && column >= 0 && column < x[3]) body(static_cast<std::size_t>(i), static_cast<std::size_t>((plane * x[2] + row) * x[3] + column), n);
        }
    }
}

class Pool : public CoreOps {};

TEST_F(Pool, MaxTakesTheFirstOfTheLargest) {
    for (const Format& f : pool_formats()) {
        for (const auto& [shape, spec] : cases()) {
            const Tensor x = sample(shape, f, 1);
            const auto [y, index] = core::max_pool2d(x, spec);
            const auto codes = x.codes(), got = y.codes(), numbers = index.codes();
            const auto values = x.to_vector_double();
            std::vector<std::size_t> winner(got.size(), values.size());
            std::vector<std::int64_t> number(got.size(), -1);
            for_windows(shape, y.shape(), spec, [&](std::size_t out, std::size_t in, std::int64_t n) {
                const bool first = winner[out] == values.size();
                const double best = first ? 0 : values[winner[out]];
                if (!first && (std::isnan(best) || values[in] <= best)) return;
                winner[out] = in;
                number[out] = n;
            });
            for (std::size_t i = 0; i < got.size(); ++i) {
                ASSERT_TRUE(same(f, got[i], codes[winner[i]])) << f.name() << " " << shape.str() << " at " << i;
                ASSERT_EQ(static_cast<std::int64_t>(numbers[i]), number[i]) << f.name() << " " << shape.str() << " at " << i;
            }
        }
    }
}

TEST_F(Pool, MaxBackwardAddsWhereTheWinnersWere) {
    for (const Format& f : pool_formats()) {
        for (const Format& out : {f, Format::float32(), Format::posit(16, 1)}) {
            if (f == Format::float64() && out != f) continue;
            for (const auto& [shape, spec] : cases()) {
                const auto [y, index] = core::max_pool2d(sample(shape, f, 2), spec);
                const Tensor dy = Tensor::from(normal_values(static_cast<std::size_t>(y.elements()), 3), y.shape(), f);
                const auto gradient = dy.to_vector_double();
                const auto numbers = index.codes();
                std::vector<double> want(static_cast<std::size_t>(shape.elements()));
                for_windows(shape, y.shape(), spec, [&](std::size_t o, std::size_t in, std::int64_t n) { want[in] += static_cast<std::int64_t>(numbers[o]) == n ? gradient[o] : 0; });
                EXPECT_EQ(core::max_pool2d_backward(dy, index, shape, spec, Output(out)).to_vector_double(), Tensor::from(want, shape, out).to_vector_double())
                    << f.name() << " -> " << out.name() << " " << shape.str() << " kernel " << spec.kernel;
            }
        }
    }
}

TEST_F(Pool, AverageCountsThePaddingInItsDivisor) {
    for (const Format& f : {Format::float32(), Format::posit(8, 2), Format::parse("e4m3"), Format::float64()}) {
        for (const auto& [shape, spec] : cases()) {
            const Tensor x = Tensor::from(normal_values(static_cast<std::size_t>(shape.elements()), 4), shape, f);
            const Tensor y = core::avg_pool2d(x, spec);
            const double n = static_cast<double>(spec.kernel * spec.kernel);
            const auto values = x.to_vector_double(), gradient = y.to_vector_double();
            std::vector<double> mean(static_cast<std::size_t>(y.elements())), dx(values.size());
            for_windows(shape, y.shape(), spec, [&](std::size_t out, std::size_t in, std::int64_t) {
                mean[out] += values[in];
                dx[in] += gradient[out];
            });
            for (double& m : mean) m /= n;
            for (double& d : dx) d /= n;
            EXPECT_EQ(y.codes(), Tensor::from(mean, y.shape(), f).codes()) << f.name() << " " << shape.str();
            EXPECT_EQ(core::avg_pool2d_backward(y, shape, spec).codes(), Tensor::from(dx, shape, f).codes()) << f.name() << " " << shape.str();
        }
    }
}

// Windows of every size that covers, also where the result is larger than the image; and PyTorch's bounds of them.
TEST_F(Pool, AdaptiveAverageCoversTheImageEvenly) {
    for (const Format& f : pool_formats()) {
        for (const Shape& shape : {Shape{2, 3, 7, 9}, Shape{1, 2, 3, 2}, Shape{3, 1, 40, 35}}) {
            for (const core::AdaptivePool2dSpec& spec : {core::AdaptivePool2dSpec{3, 4}, core::AdaptivePool2dSpec{7, 5}, core::AdaptivePool2dSpec{1, 2}}) {
                const Tensor x = Tensor::from(normal_values(static_cast<std::size_t>(shape.elements()), 4), shape, f), y = core::adaptive_avg_pool2d(x, spec, f);
                ASSERT_EQ(y.shape(), (Shape{shape[0], shape[1], spec.rows, spec.columns}));
                const auto values = x.to_vector_double(), gradient = y.to_vector_double();
                std::vector<double> means, dx(values.size());
                for (std::int64_t i = 0; i < y.elements(); ++i) {
                    const std::int64_t plane = i / spec.rows / spec.columns, row = i / spec.columns % spec.rows, column = i % spec.columns;
                    const auto first = [](std::int64_t at, std::int64_t size, std::int64_t parts) { return static_cast<std::int64_t>(std::floor(static_cast<double>(at * size) / static_cast<double>(parts))); };
                    const auto last = [](std::int64_t at, std::int64_t size, std::int64_t parts) { return static_cast<std::int64_t>(std::ceil(static_cast<double>((at + 1) * size) / static_cast<double>(parts))); };
                    const std::int64_t top = first(row, shape[2], spec.rows), bottom = last(row, shape[2], spec.rows), left = first(column, shape[3], spec.columns),
                                       right = last(column, shape[3], spec.columns);
                    const double n = static_cast<double>((bottom - top) * (right - left)), share = gradient[static_cast<std::size_t>(i)] / n;
                    double sum = 0;
                    for (std::int64_t r = top; r < bottom; ++r)
                        for (std::int64_t c = left; c < right; ++c) {
                            const std::size_t at = static_cast<std::size_t>((plane * shape[2] + r) * shape[3] + c);
                            sum += values[at];
                            dx[at] += share;
                        }
                    means.push_back(sum / n);
                }
                EXPECT_EQ(y.codes(), Tensor::from(means, y.shape(), f).codes()) << f.name() << " " << shape.str();
                EXPECT_EQ(core::adaptive_avg_pool2d_backward(y, shape).codes(), Tensor::from(dx, shape, f).codes()) << f.name() << " " << shape.str();
            }
        }
    }
}

TEST_F(Pool, ResultsDoNotDependOnThreads) {
    for (const Format& f : pool_formats()) {
        const Tensor x = sample({8, 6, 28, 28}, f, 5);
        for (const Pool2dSpec& spec : {Pool2dSpec{}, Pool2dSpec{3, 2, 1}}) {
            std::vector<std::uint64_t> results[2];
            for (const int threads : {1, 2}) {
                omp_set_num_threads(threads);
                const auto [y, index] = core::max_pool2d(x, spec);
                for (const Tensor& t : {y, index, core::max_pool2d_backward(y, index, x.shape(), spec), core::avg_pool2d(x, spec), core::adaptive_avg_pool2d(x, {5, 3})}) {
                    const auto codes = codes_of(t);
                    results[threads - 1].insert(results[threads - 1].end(), codes.begin(), codes.end());
                }
            }
            EXPECT_EQ(results[0], results[1]) << f.name();
        }
    }
}

TEST_F(Pool, ErrorsNameTheOpAndWhatCame) {
    const Tensor x = Tensor::zeros({1, 1, 4, 4});
    EXPECT_EQ(error_of([&] { core::max_pool2d(Tensor::zeros({4, 4})); }), "max_pool2d: x has 2 axes: x is [4, 4] (want [N, C, H, W])");
    EXPECT_EQ(error_of([&] { core::max_pool2d(x, {.kernel = 16}); }), "max_pool2d: kernel is out of range: kernel is 16 (want 1 to 15)");
    EXPECT_EQ(error_of([&] { core::avg_pool2d(x, {.stride = 0}); }), "avg_pool2d: stride is out of range: stride is 0 (want 1 to 1048576)");
    EXPECT_EQ(error_of([&] { core::avg_pool2d(x, {.padding = 2}); }), "avg_pool2d: padding is out of range: padding is 2 (want 0 to kernel / 2 = 1)");
    EXPECT_EQ(error_of([&] { core::max_pool2d(x, {.kernel = 5}); }),
              "max_pool2d: the kernel is larger than the padded image: x is [1, 1, 4, 4], kernel is 5, padding is 0 (want kernel <= H + 2 padding and W + 2 padding)");
    EXPECT_EQ(error_of([&] { core::adaptive_avg_pool2d(x, {0, 1}); }), "adaptive_avg_pool2d: the result is empty: 0 x 1 (want 1 or more)");
    EXPECT_EQ(error_of([&] { core::adaptive_avg_pool2d(Tensor::zeros({1, 1, 0, 4}), {}); }), "adaptive_avg_pool2d: no images: x is [1, 1, 0, 4] (want [N, C, H, W])");
    EXPECT_EQ(error_of([&] { core::adaptive_avg_pool2d_backward(x, {1, 2, 4, 4}); }),
              "adaptive_avg_pool2d_backward: dy does not fit: dy is [1, 1, 4, 4], x is [1, 2, 4, 4] (want the same N and C)");
    const auto [y, index] = core::max_pool2d(x);
    EXPECT_EQ(error_of([&] { core::max_pool2d_backward(x, index, {1, 1, 4, 4}); }),
              "max_pool2d_backward: dy does not fit: dy is [1, 1, 4, 4], x is [1, 1, 4, 4] (want dy [1, 1, 2, 2])");
    EXPECT_EQ(error_of([&, &y = y] { core::max_pool2d_backward(y, y, {1, 1, 4, 4}); }),
              "max_pool2d_backward: index does not fit: index is float32 [1, 1, 2, 2], dy is [1, 1, 2, 2] (want uint8 of dy's shape)");
    const Tensor wrong = Tensor::from_codes(std::vector<std::uint64_t>{0, 9, 0, 0}, {1, 1, 2, 2}, Format::uint8());
    EXPECT_EQ(error_of([&, &y = y] { core::max_pool2d_backward(y, wrong, {1, 1, 4, 4}, {}, Format::posit(8, 2)); }),
              "max_pool2d_backward: index names no position of its window: index[1] is 9 (want what max_pool2d gave)");
}

}  // namespace
}  // namespace taper::tests
