// Normalisation: moments and sums in their stated order bit for bit, results against float64 rounded once, tables of codes, threads, errors.
#include <cmath>
#include <limits>

#include "core/product_support.h"

namespace taper::tests {
namespace {

using core::Moments;
using core::NormSpec;
using core::NormSums;

struct Case {
    Shape shape;
    std::int64_t groups;
};

const std::vector<Case>& cases() {
    static const std::vector<Case> list = {{{4, 3, 5, 7}, 0},   {{6, 10}, 0},      {{2, 3, 40, 60}, 0}, {{64, 2, 16, 9}, 0}, {{5000, 2}, 0},
                                           {{3, 1, 4, 4}, 0},   {{600, 5, 4}, 0},  {{4, 6, 5, 7}, 3},   {{7, 33}, 1},        {{2, 1500}, 1},
                                           {{3, 4, 45, 31}, 2}, {{5, 6, 2, 2}, 6}, {{4100, 3}, 1},      {{1, 4100, 3}, 1}};
    return list;
}

// Which group and which channel an element belongs to, and who belongs to a group, in row-major order.
struct Members {
    std::int64_t channels, inner, groups;
    std::vector<std::vector<std::size_t>> of;
    Members(const Shape& x, std::int64_t g)
        : channels(x[1]), inner(x.elements() / x[0] / x[1]), groups(g), of(static_cast<std::size_t>(g == 0 ? x[1] : x[0] * g)) {
        for (std::int64_t i = 0; i < x.elements(); ++i) of[group(static_cast<std::size_t>(i))].push_back(static_cast<std::size_t>(i));
    }
    std::size_t channel(std::size_t i) const { return i / static_cast<std::size_t>(inner) % static_cast<std::size_t>(channels); }
    std::size_t group(std::size_t i) const {
        if (groups == 0) return channel(i);
        return i / static_cast<std::size_t>(inner * channels) * static_cast<std::size_t>(groups) + channel(i) / static_cast<std::size_t>(channels / groups);
    }
};

std::vector<double> gathered(const std::vector<double>& values, const std::vector<std::size_t>& where) {
    std::vector<double> result;
    for (const std::size_t i : where) result.push_back(values[i]);
    return result;
}

Tensor values(const Shape& shape, std::uint64_t seed, const Format& f) {
    auto v = normal_values(static_cast<std::size_t>(shape.elements()), seed);
    for (double& x : v) x = 3 * x + 2;
    return Tensor::from(std::span<const double>(v), shape, f);
}

class Norm : public CoreOps {};

TEST_F(Norm, MomentsFollowTheStatedOrder) {
    for (const char* text : {"float64", "float32", "posit(8,2)", "fp16", "posit(32,2)"}) {
        for (const auto& [shape, groups] : cases()) {
            const Tensor x = values(shape, 1, Format::parse(text));
            const Moments got = core::norm_moments(x, {.groups = groups});
            const Members members(shape, groups);
            const auto all = x.to_vector_double();
            std::vector<double> mean, variance;
            for (const auto& group : members.of) {
                const double p = all[group[0]], n = static_cast<double>(group.size());
                std::vector<double> d = gathered(all, group), squares;
                for (double& v : d) v -= p, squares.push_back(v * v);
                const double s = defined_sum(d);
                mean.push_back(p + s / n);
                variance.push_back(std::max(0.0, (defined_sum(squares) - s * s / n) / n));
                long double true_mean = 0, true_variance = 0;
                for (const std::size_t i : group) true_mean += all[i] / static_cast<long double>(n);
                for (const std::size_t i : group) true_variance += (all[i] - true_mean) * (all[i] - true_mean) / static_cast<long double>(n);
                EXPECT_NEAR(mean.back(), static_cast<double>(true_mean), 1e-12);
                EXPECT_NEAR(variance.back(), static_cast<double>(true_variance), 1e-11);
            }
            EXPECT_EQ(got.mean.to_vector_double(), mean) << text << " " << shape.str();
            EXPECT_EQ(got.variance.to_vector_double(), variance) << text << " " << shape.str();
            EXPECT_EQ(got.mean.shape(), groups == 0 ? Shape{shape[1]} : (Shape{shape[0], groups}));
        }
    }
}

// A mean 10^7 deviations from 0 costs the variance nothing; equal values have none.
TEST_F(Norm, AFarMeanCostsNoBits) {
    const auto v = normal_values(4000, 3);
    std::vector<double> far;
    for (const double x : v) far.push_back(std::round(x * 1024) / 1024 + 1e7);
    const Tensor x = Tensor::from(std::span<const double>(far), {1000, 1, 4}, Format::float64());
    long double mean = 0, variance = 0;
    for (const double d : far) mean += (d - 1e7L) / 4000;
    for (const double d : far) variance += (d - 1e7L - mean) * (d - 1e7L - mean) / 4000;
    EXPECT_NEAR(core::norm_moments(x).variance.to_vector_double()[0], static_cast<double>(variance), 1e-12);
    EXPECT_EQ(core::norm_moments(Tensor::full({50, 2, 3}, 0.1)).variance.to_vector_double(), (std::vector<double>{0, 0}));
}

// Codes of 8 bits take the way by tables where the planes are large.
TEST_F(Norm, ForwardIsFloat64RoundedOnce) {
    for (const char* text : {"posit(8,2)", "posit(8,0)", "e4m3", "fixed(8,4)", "posit(6,1)", "posit(16,1)", "float32", "posit(32,2)", "float64"}) {
        const Format f = Format::parse(text);
        for (const auto& [shape, groups] : cases()) {
            const NormSpec spec{.groups = groups, .eps = 1e-3};
            const Tensor x = values(shape, 4, f), weight = normal({shape[1]}, 5, Format::posit(16, 2)), bias = normal({shape[1]}, 6, Format::posit(8, 2));
            const Moments moments = core::norm_moments(x, spec);
            const auto v = x.to_vector_double(), m = moments.mean.to_vector_double(), var = moments.variance.to_vector_double();
            const auto w = weight.to_vector_double(), b = bias.to_vector_double();
            const Members members(shape, groups);
            for (const Target& out :
                 {Target(f), Target(Format::posit(16, 2)), Target(Format::posit(8, 2), Rounding::zero), Target(Format::posit(8, 2), Rounding::stochastic)}) {
                const NextDraws draws;
                const auto got = core::norm(x, moments, weight, bias, spec, out).codes();
                const auto plain = core::norm(x, moments, {}, {}, spec, f).codes();
                for (std::size_t i = 0; i < v.size(); ++i) {
                    const std::size_t g = members.group(i), c = members.channel(i);
                    const double k = 1 / std::sqrt(var[g] + 1e-3);
                    ASSERT_EQ(got[i], encode_one(out.format, (v[i] - m[g]) * (k * w[c]) + b[c], out.rounding, draws[i]))
                        << text << " " << shape.str() << " element " << i;
                    ASSERT_EQ(plain[i], encode_one(f, (v[i] - m[g]) * k));
                }
            }
        }
    }
}

TEST_F(Norm, BackwardWeightsFollowTheStatedOrder) {
    for (const char* text : {"posit(8,2)", "float32", "posit(32,2)"}) {
        for (const auto& [shape, groups] : cases()) {
            const NormSpec spec{.groups = groups};
            const Tensor x = values(shape, 7, Format::parse(text)), dy = normal(shape, 8, Format::posit(16, 1));
            const Moments moments = core::norm_moments(x, spec);
            const NormSums got = core::norm_backward_weights(dy, x, moments, spec);
            const auto v = x.to_vector_double(), d = dy.to_vector_double(), m = moments.mean.to_vector_double(), var = moments.variance.to_vector_double();
            const Members members(shape, groups);
            std::vector<double> dweight, dbias;
            for (std::int64_t c = 0; c < shape[1]; ++c) {
                std::vector<double> terms, products;  // of a channel; of groups: the sums of its columns
                const std::int64_t inner = members.inner;
                for (std::int64_t s = 0; s < inner; ++s) {
                    std::vector<double> column, products_of_column;
                    for (std::int64_t n = 0; n < shape[0]; ++n) {
                        const std::size_t i = static_cast<std::size_t>((n * shape[1] + c) * inner + s), g = members.group(i);
                        column.push_back(d[i]);
                        products_of_column.push_back(d[i] * ((v[i] - m[g]) * (1 / std::sqrt(var[g] + 1e-5))));
                    }
                    terms.push_back(defined_sum(column));
                    products.push_back(defined_sum(products_of_column));
                }
                if (groups == 0) {
                    const auto& all = members.of[static_cast<std::size_t>(c)];
                    std::vector<double> in_channel;
                    for (const std::size_t i : all) in_channel.push_back(d[i] * (v[i] - m[static_cast<std::size_t>(c)]));
                    terms = gathered(d, all);
                    dbias.push_back(defined_sum(terms));
                    dweight.push_back(defined_sum(in_channel) * (1 / std::sqrt(var[static_cast<std::size_t>(c)] + 1e-5)));
                } else {
                    dbias.push_back(defined_sum(terms));
                    dweight.push_back(defined_sum(products));
                }
            }
            EXPECT_EQ(got.dbias.to_vector_double(), dbias) << text << " " << shape.str();
            EXPECT_EQ(got.dweight.to_vector_double(), dweight) << text << " " << shape.str();
        }
    }
}

// Within a few units of the compute type of the gradient formed in long double; and exactly its rounding into the target.
TEST_F(Norm, BackwardDataIsTheGradient) {
    for (const char* text : {"posit(8,2)", "float32", "posit(32,2)"}) {
        for (const auto& [shape, groups] : cases()) {
            for (const bool constant : {false, true}) {
                if (constant && groups != 0) continue;
                const NormSpec spec{.groups = groups};
                const Format f = Format::parse(text), wide = f.exact_in_float32() ? Format::float32() : Format::float64();
                const Tensor x = values(shape, 9, f), dy = normal(shape, 10, f), weight = normal({shape[1]}, 11, f);
                const Moments moments = core::norm_moments(x, spec);
                const NormSums sums = constant ? NormSums{} : core::norm_backward_weights(dy, x, moments, spec);
                const Tensor got = core::norm_backward_data(dy, x, moments, weight, sums, spec, wide);
                const auto v = x.to_vector_double(), d = dy.to_vector_double(), m = moments.mean.to_vector_double(), var = moments.variance.to_vector_double(),
                           w = weight.to_vector_double(), result = got.to_vector_double();
                const Members members(shape, groups);
                const long double unit = wide == Format::float32() ? 0x1p-20L : 0x1p-44L;
                for (std::size_t g = 0; g < members.of.size(); ++g) {
                    const long double k = 1 / std::sqrt(var[g] + 1e-5L);
                    long double mean = 0, slope = 0, largest = 0;
                    for (const std::size_t i : members.of[g]) {
                        const long double gradient = static_cast<long double>(d[i]) * w[members.channel(i)];
                        mean += gradient / static_cast<long double>(members.of[g].size());
                        slope += k * k * gradient * (v[i] - m[g]) / static_cast<long double>(members.of[g].size());
                        largest = std::max(largest, std::fabs(gradient));
                    }
                    if (constant) mean = slope = 0;
                    for (const std::size_t i : members.of[g]) {
                        const long double want = k * (static_cast<long double>(d[i]) * w[members.channel(i)] - mean - (v[i] - m[g]) * slope);
                        ASSERT_NEAR(result[i], static_cast<double>(want),
                                    static_cast<double>(unit * k * (largest + std::fabs(mean) + std::fabs((v[i] - m[g]) * slope))))
                            << text << " " << shape.str() << " element " << i;
                    }
                }
                EXPECT_EQ(core::norm_backward_data(dy, x, moments, weight, sums, spec, Format::posit(8, 2)).codes(), got.to(Format::posit(8, 2)).codes());
            }
        }
    }
}

TEST_F(Norm, NanMakesItsGroupNanAndZeroGradientsStayZero) {
    for (const char* text : {"float32", "posit(8,2)", "e4m3"}) {
        const Format f = Format::parse(text);
        auto v = normal_values(2 * 4 * 600, 12);
        v[600] = std::numeric_limits<double>::quiet_NaN();  // sample 0, channel 1
        const Tensor x = Tensor::from(std::span<const double>(v), {2, 4, 600}, f);
        for (const std::int64_t groups : {0, 2}) {
            const NormSpec spec{.groups = groups};
            const Moments moments = core::norm_moments(x, spec);
            const auto y = core::norm(x, moments, {}, {}, spec).to_vector();
            for (std::size_t i = 0; i < y.size(); ++i) {
                const std::size_t channel = i / 600 % 4, sample = i / 2400;
                ASSERT_EQ(std::isnan(y[i]), groups == 0 ? channel == 1 : sample == 0 && channel < 2) << text << " " << i;
            }
        }
        const Tensor clean = normal({3, 2, 5}, 13, f), zero = Tensor::zeros({3, 2, 5}, f), weight = normal({2}, 14);
        const Moments moments = core::norm_moments(clean);
        EXPECT_EQ(core::norm_backward_data(zero, clean, moments, weight, core::norm_backward_weights(zero, clean, moments)).codes(), zero.codes());
    }
}

TEST_F(Norm, ResultsDoNotDependOnThreads) {
    for (const auto& [shape, groups] : {Case{{8, 6, 40, 40}, 0}, Case{{900, 70}, 0}, Case{{900, 70}, 1}, Case{{8, 6, 40, 40}, 3}}) {
        const NormSpec spec{.groups = groups};
        const Tensor x = values(shape, 15, Format::posit(16, 1)), dy = normal(shape, 16), weight = normal({shape[1]}, 17);
        const Moments moments = core::norm_moments(x, spec);
        const NormSums sums = core::norm_backward_weights(dy, x, moments, spec);
        expect_same_for_all_thread_counts([&] { return core::norm_moments(x, spec).variance; }, "variance");
        expect_same_for_all_thread_counts([&] { return core::norm(x, moments, weight, {}, spec); }, "norm");
        expect_same_for_all_thread_counts([&] { return core::norm_backward_weights(dy, x, moments, spec).dweight; }, "dweight");
        expect_same_for_all_thread_counts([&] { return core::norm_backward_data(dy, x, moments, weight, sums, spec); }, "dx");
    }
}

TEST_F(Norm, ErrorsNameTheOpAndWhatCame) {
    const Tensor x = Tensor::zeros({2, 6, 4});
    const Moments moments = core::norm_moments(x);
    EXPECT_EQ(error_of([&] { core::norm_moments(Tensor::zeros({3})); }), "norm: too few axes: x is [3] (want [N, C, ...])");
    EXPECT_EQ(error_of([&] { core::norm_moments(Tensor::zeros({0, 3})); }), "norm: nothing to take the mean of: x is [0, 3] (want at least one element)");
    EXPECT_EQ(error_of([&] { core::norm_moments(x, {.groups = 4}); }),
              "norm: groups do not divide the channels: x is [2, 6, 4], groups is 4 (want a divisor of 6)");
    EXPECT_EQ(error_of([&] { core::norm_moments(x, {.eps = -1}); }), "norm: eps is negative: -1 (want 0 or more)");
    EXPECT_EQ(error_of([&] { core::norm(x, moments, {}, {}, {.groups = 2}); }),
              "norm: the moments do not fit: float64 [6] came for x [2, 6, 4] (want float64 [2, 2])");
    EXPECT_EQ(error_of([&] { core::norm(x, moments, Tensor::zeros({4}), {}); }), "norm: weight does not fit: weight is [4], x is [2, 6, 4] (want [6])");
    EXPECT_EQ(error_of([&] {
                  core::norm_backward_weights(Tensor::zeros({2, 6}), x, moments);
              }),
              "norm_backward_weights: shapes differ: dy is [2, 6], x is [2, 6, 4] (want one shape)");
}

// A backend may form them with the result (cuda/normed.h), from the second time on: they are those of its codes.
TEST_F(Norm, MomentsOfAConvolutionAreThoseOfItsCodes) {
    const Format p8 = Format::posit(8, 2);
    const Tensor x = normal({4, 16, 40, 40}, 1, p8), w = normal({24, 16, 3, 3}, 2, p8), bias = normal({24}, 3);
    for (const Activation activation : {Activation::none, Activation::relu}) {
        for (int time = 0; time < 3; ++time) {
            const Tensor y = core::conv2d(x, w, bias, {.padding = 1}, {.activation = activation});
            const Moments got = core::norm_moments(y), want = core::norm_moments(y.clone());
            EXPECT_EQ(got.mean.codes(), want.mean.codes()) << time;
            EXPECT_EQ(got.variance.codes(), want.variance.codes()) << time;
        }
    }
}

TEST_F(Norm, RunningStatisticsMoveWithOneRounding) {
    std::vector<double> value = normal_values(5000, 1);
    for (double& v : value) v = static_cast<float>(v);
    Tensor running = normal({5000}, 2);
    for (const double factor : {1.0, 1.25}) {
        std::vector<double> want = running.to_vector_double();
        for (std::size_t i = 0; i < want.size(); ++i) {  // 9/10 and 1/10 of few bits lie near ties, where a rounding to float64 before shows
            const long double old = (1 - 0.1) * want[i], part = 0.1 * (factor * value[i]);
            want[i] = static_cast<double>(static_cast<float>(old + part));
        }
        core::move_running(running, Tensor::from(std::span<const double>(value), {5000}, Format::float64()), 0.1, factor);
        EXPECT_EQ(running.to_vector_double(), want);
    }
    EXPECT_EQ(error_of([&] { core::move_running(running, running, 0.1); }),
              "move_running: the formats do not fit: running is float32, value is float32 (want float32 and float64)");
    EXPECT_EQ(error_of([&] { core::move_running(running, Tensor::zeros({2}, Format::float64()), 0.1); }),
              "move_running: shapes differ: running is [5000], value is [2] (want one shape)");
}

}  // namespace
}  // namespace taper::tests
