// The Adam step of which only the results are rounded, against scalar arithmetic in float32 without fma, bit for bit, and against the formulas in float64.
#include <cmath>

#include <omp.h>

#include "core/step_support.h"

namespace taper::tests {
namespace {

using core::AdamStep;

struct Formats {
    const char *weight, *master, *moment, *gradient;  // master null: undefined
};

struct State {
    Codes weight, master, mean, square, compensation;
};

// The direction of one element in T; every operation is one rounding.
template <class T>
T direction(const AdamStep& s, T g, T& m, T& v, T& w) {
    const T b1 = static_cast<T>(s.beta1), r1 = static_cast<T>(1 - s.beta1), b2 = static_cast<T>(s.beta2), r2 = static_cast<T>(1 - s.beta2);
    if (s.gradient_scale != 1) g = g * static_cast<T>(s.gradient_scale);
    if (s.weight_decay != 0 && s.decoupled) w = w - static_cast<T>(s.lr * s.weight_decay) * w;
    if (s.weight_decay != 0 && !s.decoupled) g = g + static_cast<T>(s.weight_decay) * w;
    m = b1 * m + r1 * g;
    v = b2 * v + (r2 * g) * g;
    return m / (static_cast<T>(1 / std::sqrt(1 - std::pow(s.beta2, static_cast<double>(s.t)))) * std::sqrt(v) + static_cast<T>(s.eps));
}

template <class T>
void reference(const AdamStep& s, const Formats& f, State& x, const Codes& gradient) {
    const Format weight = Format::parse(f.weight), held = f.master != nullptr ? Format::parse(f.master) : weight, g = Format::parse(f.gradient),
                 moment = Format::parse(f.moment);
    const T lr = static_cast<T>(s.lr * (1 / (1 - std::pow(s.beta1, static_cast<double>(s.t)))));
    const auto draw = [&](Rounding mode, std::uint64_t stream, std::size_t i) {
        return mode == Rounding::stochastic ? philox_draw(s.seed, s.stream + stream, i) : 0;
    };
    const auto code = [&](const Format& format, T value, Rounding mode, std::uint64_t stream, std::size_t i) {
        return encode_one(format, value, mode, draw(mode, stream, i));
    };
    for (std::size_t i = 0; i < gradient.size(); ++i) {
        std::uint64_t& own = f.master != nullptr ? x.master[i] : x.weight[i];
        T w = static_cast<T>(decode_one(held, own)), m = static_cast<T>(decode_one(moment, x.mean[i])), v = static_cast<T>(decode_one(moment, x.square[i]));
        const T d = direction<T>(s, static_cast<T>(decode_one(g, gradient[i])), m, v, w);
        x.mean[i] = code(moment, m, s.state_rounding, 2, i);
        x.square[i] = code(moment, v, s.state_rounding, 3, i);
        const T y = (x.compensation.empty() ? w : static_cast<T>(decode_one(moment, x.compensation[i]))) - lr * d, sum = x.compensation.empty() ? y : w + y;
        own = f.master != nullptr ? code(held, sum, s.master_rounding, 0, i) : code(held, sum, s.weight_rounding, 1, i);
        const T rounded = static_cast<T>(decode_one(held, own));
        if (!x.compensation.empty()) x.compensation[i] = code(moment, y - (rounded - w), s.state_rounding, 4, i);
        if (f.master != nullptr) x.weight[i] = code(weight, rounded, s.weight_rounding, 1, i);
    }
}

template <class T>
void check(const Formats& f, AdamStep s, std::size_t n, bool compensated = false) {
    State x = {normal_codes(f.weight, n, 1), normal_codes(f.master, n, 1), zero_codes(f.moment, n), zero_codes(f.moment, n),
               zero_codes(compensated ? f.moment : nullptr, n)};
    const Tensor weight = tensor_for(f.weight, x.weight), master = tensor_for(f.master, x.master),
                 compensation = tensor_for(compensated ? f.moment : nullptr, x.compensation);
    Tensor mean = tensor_for(f.moment, x.mean), square = tensor_for(f.moment, x.square);
    for (std::uint64_t step = 0; step < 3; ++step) {
        const Codes gradient = normal_codes(f.gradient, n, 10 + step);
        s.t = static_cast<std::int64_t>(step) + 1;
        s.stream = 5 * step;
        core::adam_step({weight, master, compensation}, mean, square, tensor_for(f.gradient, gradient), s);
        reference<T>(s, f, x, gradient);
        ASSERT_EQ(mean.codes(), x.mean) << f.weight << " step " << step;
        ASSERT_EQ(square.codes(), x.square) << f.weight << " step " << step;
        ASSERT_EQ(weight.codes(), x.weight) << f.weight << " step " << step;
        ASSERT_EQ(f.master != nullptr ? master.codes() : x.master, x.master) << f.weight << " step " << step;
        ASSERT_EQ(compensated ? compensation.codes() : x.compensation, x.compensation) << f.weight << " step " << step;
    }
    for (const Tensor& t : {weight, master, mean, square, compensation}) EXPECT_TRUE(!t.defined() || t.version() == 3);
}

class Adam : public CoreOps {};

const Formats all_formats[] = {{"float32", nullptr, "float32", "float32"},
                               {"posit(8,2)", "posit(16,2)", "posit(16,2)", "posit(8,2)"},
                               {"posit(8,2)", "posit(8,2)", "posit(8,2)", "posit(8,2)"},
                               {"e4m3", "float32", "bf16", "e5m2"},
                               {"posit(8,1)", nullptr, "posit(16,1)", "float32"},
                               {"bf16", "float32", "bf16", "bf16"}};
const AdamStep all_steps[] = {{.lr = 1e-3},
                              {.lr = 0.01, .beta1 = 0.8, .beta2 = 0.99, .weight_decay = 0.01},
                              {.lr = 0.02, .eps = 1e-4, .weight_decay = 0.1, .decoupled = true},
                              {.lr = 0.03, .beta1 = 0, .gradient_scale = 1.0 / 3}};

TEST_F(Adam, EveryOperationIsOneRoundingOfFloat32) {
    for (const Formats& f : all_formats)
        for (const AdamStep& s : all_steps) {
            check<float>(f, s, 3001);
            check<float>(f, s, 1025, true);
        }
}

TEST_F(Adam, StochasticRoundingsDrawFromTheirOwnStreams) {
    for (const Formats& f : all_formats) {
        AdamStep s = all_steps[1];
        s.master_rounding = s.weight_rounding = s.state_rounding = Rounding::stochastic;
        s.seed = 77;
        check<float>(f, s, 2049, true);
    }
}

TEST_F(Adam, WideFormatsComputeInFloat64) {
    check<double>({"float64", nullptr, "float64", "float64"}, all_steps[2], 1500);
    check<double>({"posit(8,2)", "posit(32,2)", "posit(32,2)", "posit(8,2)"}, all_steps[1], 1500, true);
}

TEST_F(Adam, ResultsDoNotDependOnThreads) {
    const int before = omp_get_max_threads();
    for (const int threads : {1, 2}) {
        omp_set_num_threads(threads);
        AdamStep s = all_steps[1];
        s.weight_rounding = s.state_rounding = Rounding::stochastic;
        check<float>(all_formats[1], s, 50001);
    }
    omp_set_num_threads(before);
}

// PyTorch's formulas: m^ = m / (1 - b1^t), v^ = v / (1 - b2^t), w -= lr m^ / (sqrt(v^) + eps).
TEST_F(Adam, IsTheAdamOfItsAuthorsAndOfPyTorch) {
    for (const AdamStep& form : all_steps) {
        AdamStep s = form;
        double w = 0.7, m = 0, v = 0;
        const Format wide = Format::float64();
        Tensor weight = Tensor::full({1}, w, wide), mean = Tensor::zeros({1}, wide), square = Tensor::zeros({1}, wide);
        for (s.t = 1; s.t <= 20; ++s.t) {
            double g = std::sin(static_cast<double>(s.t));
            core::adam_step({weight}, mean, square, Tensor::full({1}, g, wide), s);
            g *= s.gradient_scale;
            if (s.decoupled)
                w *= 1 - s.lr * s.weight_decay;
            else
                g += s.weight_decay * w;
            m = s.beta1 * m + (1 - s.beta1) * g;
            v = s.beta2 * v + (1 - s.beta2) * g * g;
            const double t = static_cast<double>(s.t), m_hat = m / (1 - std::pow(s.beta1, t)), v_hat = v / (1 - std::pow(s.beta2, t));
            w -= s.lr * m_hat / (std::sqrt(v_hat) + s.eps);
            EXPECT_NEAR(weight.item(), w, 1e-12);
        }
    }
}

// bf16 has no point between 1 and 1 + 2^-7: steps of 2^-12 vanish unless what is lost is kept.
TEST_F(Adam, CompensationKeepsSmallUpdates) {
    const Format bf16 = Format::parse("bf16");
    for (const bool compensated : {false, true}) {
        Tensor weight = Tensor::full({1}, 1, bf16), mean = Tensor::zeros({1}), square = Tensor::zeros({1}),
               c = compensated ? Tensor::zeros({1}, bf16) : Tensor();
        AdamStep s = {.lr = 0x1p-12};
        for (s.t = 1; s.t <= 64; ++s.t) core::adam_step({weight, {}, c}, mean, square, Tensor::full({1}, -1), s);
        EXPECT_NEAR(weight.item(), compensated ? 1 + 64 * 0x1p-12 : 1, compensated ? 0x1p-8 : 0);
    }
}

TEST_F(Adam, ErrorsNameWhatDoesNotFit) {
    Tensor weight = Tensor::zeros({2, 3}), none, other = Tensor::zeros({3}), mean = Tensor::zeros({2, 3}), square = Tensor::zeros({2, 3});
    const Tensor gradient = Tensor::zeros({2, 3});
    EXPECT_EQ(error_of([&] { core::adam_step({weight}, mean, square, other, {.lr = 1}); }),
              "adam_step: shapes differ: weight is [2, 3], gradient is [3] (want one shape)");
    EXPECT_EQ(error_of([&] { core::adam_step({weight}, mean, other, gradient, {.lr = 1}); }),
              "adam_step: shapes differ: weight is [2, 3], square is [3] (want one shape)");
    EXPECT_EQ(error_of([&] {
                  core::adam_step({weight, {}, other}, mean, square, gradient, {.lr = 1});
              }),
              "adam_step: shapes differ: weight is [2, 3], compensation is [3] (want one shape)");
    EXPECT_EQ(error_of([&] { core::adam_step({weight}, none, square, gradient, {.lr = 1}); }),
              "adam_step: a moment is missing: undefined came (want tensors of zeros at first)");
    EXPECT_EQ(error_of([&] { core::adam_step({weight}, mean, square, gradient, {.lr = 1, .beta2 = 1}); }),
              "adam_step: a beta out of range: 1 (want 0 <= beta < 1)");
    EXPECT_EQ(error_of([&] { core::adam_step({weight}, mean, square, gradient, {.lr = 1, .t = 0}); }),
              "adam_step: a step's number out of range: 0 (want at least 1)");
}

}  // namespace
}  // namespace taper::tests
