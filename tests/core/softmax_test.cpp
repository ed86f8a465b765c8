// The softmax family and cross-entropy against long double, the sides of their contract, labels out of range.
#include <cmath>
#include <limits>

#include <omp.h>

#include "core/ops_support.h"

namespace taper::tests {
namespace {

struct Row {
    std::vector<long double> softmax, log_softmax;
};

Row reference(const double* x, std::size_t n) {
    long double top = x[0], sum = 0;
    for (std::size_t i = 0; i < n; ++i) top = std::max<long double>(top, x[i]);
    for (std::size_t i = 0; i < n; ++i) sum += std::exp(x[i] - top);
    Row row;
    for (std::size_t i = 0; i < n; ++i) {
        row.softmax.push_back(std::exp(x[i] - top) / sum);
        row.log_softmax.push_back(x[i] - top - std::log(sum));
    }
    return row;
}

std::vector<double> values_of(const Tensor& x) { return x.to_vector_double(); }

// The code of `got` is that of a number within 1e-13 of `want`.
void expect_rounded(const Format& f, std::uint64_t got, long double want) {
    const double near = static_cast<double>(want), slack = 1e-13 * std::max(1.0, std::fabs(near));
    const double low = decode_one(f, encode_one(f, near - slack)), high = decode_one(f, encode_one(f, near + slack)), value = decode_one(f, got);
    EXPECT_TRUE(low <= value && value <= high) << f.name() << " gave " << Number(f, got).value() << " want " << near;
}

class Softmax : public CoreOps {};

TEST_F(Softmax, ForwardIsRoundedOnce) {
    for (const char* text : {"float32", "posit(8,2)", "posit(16,1)", "fp16", "e4m3", "posit(32,2)"}) {
        const Format f = Format::parse(text);
        for (const std::int64_t n : {1, 10, 1000, 5000}) {
            const Tensor x = Tensor::from(normal_values(static_cast<std::size_t>(7 * n), 1), {7, n}, f);
            const auto values = values_of(x);
            const auto soft = core::softmax(x).codes(), log_soft = core::log_softmax(x).codes();
            for (std::size_t row = 0; row < 7; ++row) {
                const std::size_t at = row * static_cast<std::size_t>(n);
                const Row want = reference(values.data() + at, static_cast<std::size_t>(n));
                for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
                    expect_rounded(f, soft[at + i], want.softmax[i]);
                    expect_rounded(f, log_soft[at + i], want.log_softmax[i]);
                }
            }
        }
    }
    EXPECT_EQ(values_of(core::softmax(Tensor::from({1e4f, 1e4f}, {2}))), (std::vector<double>{0.5, 0.5}));
}

TEST_F(Softmax, NanMakesItsRowNan) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const char* text : {"float32", "posit(8,2)", "e4m3"}) {
        const Tensor x = Tensor::from({0, nan, 1, 2, 3, 4}, {2, 3}, Format::parse(text));
        for (const Tensor& y : {core::softmax(x), core::log_softmax(x)}) {
            const auto values = values_of(y);
            for (int i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(values[static_cast<std::size_t>(i)]) && !std::isnan(values[static_cast<std::size_t>(i) + 3]));
        }
    }
}

TEST_F(Softmax, BackwardFollowsItsFormula) {
    const Format out = Format::posit(16, 2);
    const Tensor y = core::softmax(Tensor::from(normal_values(120, 2), {12, 10})), ly = core::log_softmax(Tensor::from(normal_values(120, 3), {12, 10}));
    const Tensor dy = Tensor::from(normal_values(120, 4), {12, 10}, Format::posit(8, 2));
    const auto v = values_of(y), l = values_of(ly), d = values_of(dy);
    const auto dx = core::softmax_backward(y, dy, out).codes(), dl = core::log_softmax_backward(ly, dy).codes();
    for (std::size_t row = 0; row < 120; row += 10) {
        long double dot = 0, sum = 0;
        for (std::size_t i = row; i < row + 10; ++i) dot += static_cast<long double>(v[i]) * d[i], sum += d[i];
        for (std::size_t i = row; i < row + 10; ++i) {
            expect_rounded(out, dx[i], v[i] * (d[i] - dot));
            expect_rounded(dy.format(), dl[i], d[i] - std::exp(static_cast<long double>(l[i])) * sum);
        }
    }
}

TEST_F(Softmax, CrossEntropyIsTheMeanOfTheLabelsLosses) {
    for (const char* text : {"float32", "posit(8,2)", "posit(16,1)", "float64"}) {
        const Format f = Format::parse(text);
        const Tensor logits = Tensor::from(normal_values(37 * 10, 5), {37, 10}, f), scale = Tensor::full({}, 2.5);
        std::vector<std::int32_t> labels(37);
        for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i * 7 % 10);
        const Tensor label = Tensor::from(labels, {37}), loss = core::cross_entropy(logits, label);
        const auto values = values_of(logits);
        const Format out = Format::posit(16, 2);
        const auto got = core::cross_entropy_backward(logits, label, scale, out).codes();
        long double want = 0;
        for (std::size_t row = 0; row < 37; ++row) {
            const Row r = reference(values.data() + 10 * row, 10);
            const std::size_t l = static_cast<std::size_t>(labels[row]);
            want -= r.log_softmax[l] / 37;
            for (std::size_t i = 0; i < 10; ++i) expect_rounded(out, got[10 * row + i], (r.softmax[i] - (i == l ? 1 : 0)) * 2.5L / 37);
        }
        EXPECT_EQ(loss.shape(), Shape{});
        EXPECT_EQ(loss.format(), f == Format::float64() ? f : Format::float32());
        expect_rounded(loss.format(), loss.codes()[0], want);
    }
}

TEST_F(Softmax, ResultsDoNotDependOnThreads) {
    const Tensor x = Tensor::from(normal_values(600 * 100, 6), {600, 100}, Format::posit(16, 1)), label = Tensor::zeros({600}, Format::int32());
    std::vector<std::uint64_t> results[2];
    for (const int threads : {1, 2}) {
        omp_set_num_threads(threads);
        seed(4);
        for (const Tensor& y : {core::softmax(x), core::log_softmax(x, Target(Format::posit(8, 2), Rounding::stochastic)), core::cross_entropy(x, label)}) {
            const auto codes = y.codes();
            results[threads - 1].insert(results[threads - 1].end(), codes.begin(), codes.end());
        }
    }
    EXPECT_EQ(results[0], results[1]);
}

TEST_F(Softmax, ErrorsNameTheOpAndWhatCame) {
    const Tensor logits = Tensor::zeros({2, 3}), one = Tensor::full({}, 1);
    EXPECT_EQ(error_of([&] { core::softmax(Tensor::zeros({2, 0})); }), "softmax: the last axis is empty: x is [2, 0] (want C of 1 or more)");
    EXPECT_EQ(error_of([&] { core::log_softmax(one); }), "log_softmax: no axis to sum over: x is [] (want [.., C])");
    EXPECT_EQ(error_of([&] { core::softmax_backward(logits, one); }), "softmax_backward: shapes differ: y is [2, 3], dy is [] (want one shape)");
    for (const std::int32_t bad : {-1, 3}) {
        const Tensor labels = Tensor::from(std::vector<std::int32_t>{2, bad}, {2});
        const std::string what = ": label out of range: labels[1] is " + std::to_string(bad) + " (want 0 to 2)";
        EXPECT_EQ(error_of([&] { core::cross_entropy(logits, labels); }), "cross_entropy" + what);
        EXPECT_EQ(error_of([&] { core::cross_entropy_backward(logits, labels, one); }), "cross_entropy_backward" + what);
    }
    EXPECT_EQ(error_of([&] { core::cross_entropy(logits, Tensor::zeros({3}, Format::int32())); }),
              "cross_entropy: shapes do not fit: logits is [2, 3], labels is [3] (want [N, C] and [N])");
    EXPECT_EQ(error_of([&] { core::cross_entropy(logits, Tensor::zeros({2})); }), "cross_entropy: labels has another format: float32 (want int32)");
    EXPECT_EQ(error_of([&] { core::cross_entropy(Tensor::zeros({0, 3}), Tensor::zeros({0}, Format::int32())); }),
              "cross_entropy: nothing to take the mean of: logits is [0, 3] (want N and C of 1 or more)");
}

}  // namespace
}  // namespace taper::tests
