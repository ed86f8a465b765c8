// The SGD step against scalar arithmetic, bit for bit: float32 without fma, each result rounded into its format.
#include <cmath>

#include <omp.h>

#include "core/ops_support.h"

namespace taper::tests {
namespace {

using core::SgdStep;

struct Formats {
    const char *weight, *master, *velocity, *gradient;  // master and velocity null: undefined
};

struct State {
    std::vector<std::uint64_t> weight, master, velocity, compensation;  // the last one in float32, or empty
};

// The lr d of one element in T; every operation is one rounding.
template <class T>
T change(const SgdStep& s, bool has_velocity, T w, T& v, T g) {
    const T lr = static_cast<T>(s.lr), mu = static_cast<T>(s.momentum), wd = static_cast<T>(s.weight_decay);
    if (s.gradient_scale != 1) g = g * static_cast<T>(s.gradient_scale);
    if (s.weight_decay != 0) g = g + wd * w;
    T d = g;
    if (has_velocity) {
        v = s.first ? g : mu * v + g;
        d = s.nesterov ? g + mu * v : v;
    }
    return lr * d;
}

template <class T>
void reference(const SgdStep& s, const Formats& f, State& state, const std::vector<std::uint64_t>& gradient) {
    const Format weight = Format::parse(f.weight), held = f.master != nullptr ? Format::parse(f.master) : weight, g = Format::parse(f.gradient);
    const Format velocity = f.velocity != nullptr ? Format::parse(f.velocity) : Format();
    const auto draw = [&](Rounding mode, std::uint64_t stream, std::size_t i) { return mode == Rounding::stochastic ? philox_draw(s.seed, s.stream + stream, i) : 0; };
    for (std::size_t i = 0; i < gradient.size(); ++i) {
        std::uint64_t& own = f.master != nullptr ? state.master[i] : state.weight[i];
        T w = static_cast<T>(decode_one(held, own)), v = f.velocity != nullptr ? static_cast<T>(decode_one(velocity, state.velocity[i])) : T(0);
        const T lr_d = change<T>(s, f.velocity != nullptr, w, v, static_cast<T>(decode_one(g, gradient[i])));
        const bool compensated = !state.compensation.empty();
        const T y = compensated ? static_cast<T>(decode_one(Format::float32(), state.compensation[i])) - lr_d : T(0), before = w;
        w = compensated ? w + y : w - lr_d;
        if (f.velocity != nullptr) state.velocity[i] = encode_one(velocity, v, s.state_rounding, draw(s.state_rounding, 2, i));
        double rounded = w;
        if (f.master != nullptr) {
            own = encode_one(held, w, s.master_rounding, draw(s.master_rounding, 0, i));
            rounded = decode_one(held, own);
        }
        state.weight[i] = encode_one(weight, rounded, s.weight_rounding, draw(s.weight_rounding, 1, i));
        const T held_value = static_cast<T>(decode_one(held, f.master != nullptr ? own : state.weight[i]));
        if (compensated) state.compensation[i] = encode_one(Format::float32(), y - (held_value - before), s.state_rounding, draw(s.state_rounding, 3, i));
    }
}

std::vector<std::uint64_t> codes_for(const char* format, const std::vector<double>& values) {
    return format == nullptr ? std::vector<std::uint64_t>() : Tensor::from(values, {static_cast<std::int64_t>(values.size())}, Format::parse(format)).codes();
}

Tensor tensor_for(const char* format, const std::vector<std::uint64_t>& codes) { return format == nullptr ? Tensor() : tensor_of(codes, Format::parse(format)); }

template <class T>
void check(const Formats& f, SgdStep s, std::size_t n, bool compensated = false) {
    State state = {codes_for(f.weight, normal_values(n, 1)), codes_for(f.master, normal_values(n, 1)), codes_for(f.velocity, std::vector<double>(n, 0)),
                   std::vector<std::uint64_t>(compensated ? n : 0)};
    const Tensor compensation = compensated ? Tensor::zeros({static_cast<std::int64_t>(n)}) : Tensor();
    Tensor weight = tensor_for(f.weight, state.weight), master = tensor_for(f.master, state.master), velocity = tensor_for(f.velocity, state.velocity);
    for (int step = 0; step < 3; ++step) {
        const auto gradient = codes_for(f.gradient, normal_values(n, 10 + static_cast<std::uint64_t>(step)));
        s.first = step == 0 && f.velocity != nullptr;
        s.stream = static_cast<std::uint64_t>(4 * step);
        core::sgd_step({weight, master, compensation}, velocity, tensor_for(f.gradient, gradient), s);
        reference<T>(s, f, state, gradient);
        ASSERT_EQ(weight.codes(), state.weight) << f.weight << " step " << step;
        ASSERT_EQ(compensated ? compensation.codes() : state.compensation, state.compensation) << " step " << step;
        ASSERT_EQ(f.master != nullptr ? master.codes() : state.master, state.master) << " step " << step;
        ASSERT_EQ(f.velocity != nullptr ? velocity.codes() : state.velocity, state.velocity) << " step " << step;
    }
    EXPECT_EQ(weight.version(), 3u);
    EXPECT_TRUE(!master.defined() || master.version() == 3);
    EXPECT_TRUE(!velocity.defined() || velocity.version() == 3);
}

class Sgd : public CoreOps {};

const Formats all_formats[] = {{"float32", nullptr, "float32", "float32"},        {"posit(8,2)", "posit(16,2)", "posit(16,2)", "posit(8,2)"}, {"posit(8,2)", "posit(8,2)", "posit(8,2)", "posit(8,2)"},
                               {"e4m3", "float32", "fp16", "e5m2"},              {"posit(8,1)", nullptr, "posit(16,1)", "float32"},          {"bf16", "float32", "bf16", "bf16"}};
const SgdStep all_steps[] = {{.lr = 0.01, .momentum = 0.9},
                             {.lr = 0.1, .momentum = 0.9, .weight_decay = 5e-4},
                             {.lr = 0.05, .momentum = 0.8, .weight_decay = 1e-3, .nesterov = true},
                             {.lr = 0.03, .momentum = 0.9, .nesterov = true, .gradient_scale = 1.0 / 3}};

TEST_F(Sgd, EveryOperationIsOneRoundingOfFloat32) {
    for (const Formats& f : all_formats) {
        for (const SgdStep& s : all_steps) check<float>(f, s, 3001);
    }
}

TEST_F(Sgd, CompensatedUpdatesKeepWhatTheMasterLacks) {
    for (const Formats& f : all_formats) {
        for (const SgdStep& s : all_steps) check<float>(f, s, 1025, true);
    }
    SgdStep s = all_steps[1];
    s.master_rounding = s.weight_rounding = s.state_rounding = Rounding::stochastic;
    check<float>(all_formats[1], s, 1025, true);
    check<double>({"posit(8,2)", "posit(32,2)", "posit(32,2)", "posit(8,2)"}, all_steps[1], 1500, true);
}

TEST_F(Sgd, WithoutMomentumThereIsNoVelocity) {
    for (Formats f : all_formats) {
        f.velocity = nullptr;
        check<float>(f, {.lr = 0.1, .weight_decay = 1e-2}, 1025);
        check<float>(f, {.lr = 0.1}, 7);
    }
}

TEST_F(Sgd, StochasticRoundingsDrawFromTheirOwnStreams) {
    for (const Formats& f : all_formats) {
        SgdStep s = {.lr = 0.01, .momentum = 0.9, .weight_decay = 1e-3};
        s.master_rounding = s.weight_rounding = s.state_rounding = Rounding::stochastic;
        s.seed = 77;
        check<float>(f, s, 2049);
    }
}

TEST_F(Sgd, WideFormatsComputeInFloat64) {
    check<double>({"float64", nullptr, "float64", "float64"}, all_steps[2], 1500);
    check<double>({"posit(8,2)", "posit(32,2)", "posit(32,2)", "posit(8,2)"}, all_steps[1], 1500);
}

TEST_F(Sgd, ResultsDoNotDependOnThreads) {
    for (const int threads : {1, 2}) {
        omp_set_num_threads(threads);
        SgdStep s = all_steps[1];
        s.weight_rounding = Rounding::stochastic;
        check<float>(all_formats[1], s, 50001);
    }
}

TEST_F(Sgd, ErrorsNameWhatDoesNotFit) {
    Tensor weight = Tensor::zeros({2, 3}), none, other = Tensor::zeros({3});
    const Tensor gradient = Tensor::zeros({2, 3});
    EXPECT_EQ(error_of([&] { core::sgd_step({weight}, none, other, {.lr = 1}); }), "sgd_step: shapes differ: weight is [2, 3], gradient is [3] (want one shape)");
    EXPECT_EQ(error_of([&] { core::sgd_step({weight, other}, none, gradient, {.lr = 1}); }), "sgd_step: shapes differ: weight is [2, 3], master is [3] (want one shape)");
    EXPECT_EQ(error_of([&] { core::sgd_step({weight}, none, gradient, {.lr = 1, .momentum = 0.9}); }),
              "sgd_step: momentum without a velocity: momentum is 0.9 (want a velocity tensor)");
    EXPECT_EQ(error_of([&] { core::sgd_step({weight}, none, gradient, {.lr = 1, .nesterov = true}); }), "sgd_step: Nesterov's step without momentum: momentum is 0 (want momentum > 0)");
}

}  // namespace
}  // namespace taper::tests
