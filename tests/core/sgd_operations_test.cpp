// SGD steps in which every operation is rounded, against exact rationals, and against vectors worked out by hand.
#include <omp.h>

#include "core/step_support.h"

namespace taper::tests {
namespace {

using core::SgdStep;
using core::StepRounding;

struct Formats {
    const char *weight, *master, *velocity, *gradient;  // master and velocity null: undefined
};

struct State {
    Codes weight, master, velocity, compensation;
};

// The list of SgdStep, line by line, for element i.
void reference_element(const SgdStep& s, const StepRounders& r, bool has_velocity, Exact g, Exact& v, Exact& w, Exact* c, std::size_t i) {
    const Exact mu = r.state.factor(s.momentum), wd = r.state.factor(s.weight_decay);
    const auto multiply_add = [&](const Exact& a, const Exact& x, const Exact& b, std::uint64_t k) { return r.multiply_add(r.state, a, x, b, k, i); };
    g = r.state(exact_mul(exact(s.gradient_scale), g), 0, i);
    if (s.weight_decay != 0) g = multiply_add(wd, w, g, 1);
    Exact d = g;
    if (has_velocity) {
        v = s.first ? g : multiply_add(mu, v, g, 3);
        d = s.nesterov ? multiply_add(mu, v, g, 5) : v;
    }
    r.descend(r.held.factor(s.lr), d, w, c, 7, i);
}

void reference_step(const SgdStep& s, const Formats& f, State& state, const Codes& gradient) {
    const Format weight = Format::parse(f.weight), held_format = f.master != nullptr ? Format::parse(f.master) : weight;
    const Rounder held(held_format, f.master != nullptr ? s.master_rounding : s.weight_rounding, s), read(weight, s.weight_rounding, s);
    const Rounder velocity = f.velocity != nullptr ? Rounder(Format::parse(f.velocity), s.state_rounding, s) : held;
    const StepRounders rounders = {s.rounding == StepRounding::fused, velocity, held};
    const Reference g_format(f.gradient);
    Codes& held_codes = f.master != nullptr ? state.master : state.weight;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
        Exact w = held.decode(held_codes[i]), v = f.velocity != nullptr ? velocity.decode(state.velocity[i]) : Exact();
        Exact c = state.compensation.empty() ? Exact() : velocity.decode(state.compensation[i]);
        reference_element(s, rounders, f.velocity != nullptr, g_format.decode(gradient[i]), v, w, state.compensation.empty() ? nullptr : &c, i);
        held_codes[i] = held.code_of(w);
        if (f.velocity != nullptr) state.velocity[i] = velocity.code_of(v);
        if (!state.compensation.empty()) state.compensation[i] = velocity.code_of(c);
        if (f.master != nullptr) state.weight[i] = read.code(w, 9, i);
    }
}

// Three steps in a row, each checked, from codes that `fill` makes; `compensated`: in the velocity's format.
void check(const Formats& f, SgdStep s, std::size_t n, Fill fill, bool compensated = false) {
    const char* compensation_format = compensated ? (f.velocity != nullptr ? f.velocity : f.weight) : nullptr;
    State state = {fill(f.weight, n, 1), fill(f.master, n, 2), fill(f.velocity, n, 3), fill == any_codes ? fill(compensation_format, n, 4) : zero_codes(compensation_format, n)};
    Tensor weight = tensor_for(f.weight, state.weight), master = tensor_for(f.master, state.master), velocity = tensor_for(f.velocity, state.velocity);
    const Tensor compensation = tensor_for(compensation_format, state.compensation);
    for (std::uint64_t step = 0; step < 3; ++step) {
        const Codes gradient = fill(f.gradient, n, 10 + step);
        s.first = step == 0 && f.velocity != nullptr && fill == normal_codes;
        s.stream = 13 * step;
        core::sgd_step({weight, master, compensation}, velocity, tensor_for(f.gradient, gradient), s);
        reference_step(s, f, state, gradient);
        const std::string what = std::string(f.gradient) + " " + name(s.rounding) + " step " + std::to_string(step);
        expect_same(f.weight, weight, state.weight, what + " weight");
        expect_same(f.master, master, state.master, what + " master");
        expect_same(f.velocity, velocity, state.velocity, what + " velocity");
        expect_same(compensation_format, compensation, state.compensation, what + " compensation");
    }
    EXPECT_EQ(weight.version(), 3u);
}

class SgdOperations : public CoreOps {};

const Formats all_formats[] = {{"posit(8,2)", "posit(16,2)", "posit(16,2)", "posit(8,2)"},
                               {"posit(5,2)", "posit(12,2)", "posit(12,2)", "posit(5,2)"},
                               {"posit(16,1)", nullptr, "posit(16,1)", "posit(16,1)"},
                               {"posit(8,2)", nullptr, nullptr, "posit(8,2)"},
                               {"posit(8,2)", "posit(16,1)", "posit(12,2)", "float32"},
                               {"posit(16,1)", "posit(32,2)", "posit(32,2)", "posit(8,2)"},
                               {"posit(8,2,underflow)", nullptr, "posit(8,2,underflow)", "posit(8,2,underflow)"},
                               {"bf16", "float32", "bf16", "bf16"},
                               {"e4m3", "fp16", "posit(16,2)", "e5m2"},
                               {"bf16", nullptr, "bf16", "float32"},
                               {"posit(8,2)", "float32", "fixed(16,8)", "float32"}};
const SgdStep all_steps[] = {{.lr = 0.0625, .momentum = 0.5},
                             {.lr = 0.1, .momentum = 0.9, .weight_decay = 5e-4},
                             {.lr = 0.05, .momentum = 0.8, .weight_decay = 1e-3, .nesterov = true, .gradient_scale = 1.0 / 3}};
constexpr StepRounding both[] = {StepRounding::every_operation, StepRounding::fused};

template <class Call>
void for_all(const Call& call) {
    for (const StepRounding rounding : both)
        for (const Formats& f : all_formats)
            for (SgdStep s : all_steps) {
                s.rounding = rounding;
                if (f.velocity == nullptr) s.momentum = 0, s.nesterov = false;
                call(f, s);
            }
}

TEST_F(SgdOperations, EachIsOneRoundingOfTheExactResult) {
    for_all([](const Formats& f, const SgdStep& s) { check(f, s, 100, normal_codes); });
}

TEST_F(SgdOperations, TakeAnyCodes) {
    for_all([](const Formats& f, const SgdStep& s) { check(f, s, 100, any_codes); });
}

TEST_F(SgdOperations, RoundTowardZeroToo) {
    for_all([](const Formats& f, SgdStep s) {
        s.master_rounding = s.weight_rounding = s.state_rounding = Rounding::zero;
        check(f, s, 40, normal_codes);
    });
}

TEST_F(SgdOperations, DrawFromAStreamOfTheirOwn) {
    for_all([](const Formats& f, SgdStep s) {
        s.master_rounding = s.weight_rounding = s.state_rounding = Rounding::stochastic;
        s.seed = 77;
        check(f, s, 40, normal_codes);
    });
}

TEST_F(SgdOperations, OfTheCompensatedUpdateToo) {
    for_all([](const Formats& f, SgdStep s) {
        if (f.velocity == nullptr && f.master != nullptr) return;
        check(f, s, 60, normal_codes, true);
        check(f, s, 60, any_codes, true);
        s.master_rounding = s.weight_rounding = s.state_rounding = Rounding::stochastic;
        s.seed = 78;
        check(f, s, 30, normal_codes, true);
    });
}

// In float32 alone the product and the sum of float32 arithmetic are what is rounded; float64 the same.
TEST_F(SgdOperations, EqualTheResultsOrderInTheComputeType) {
    for (const char* format : {"float32", "float64"}) {
        for (SgdStep s : all_steps) {
            s.gradient_scale = 1;
            const Codes w = normal_codes(format, 3001, 1), v = normal_codes(format, 3001, 2), g = normal_codes(format, 3001, 3);
            Tensor none, weights[2], velocities[2];
            for (int order = 0; order < 2; ++order) {
                s.rounding = order == 0 ? StepRounding::results : StepRounding::every_operation;
                weights[order] = tensor_for(format, w), velocities[order] = tensor_for(format, v);
                core::sgd_step({weights[order]}, velocities[order], tensor_for(format, g), s);
            }
            EXPECT_EQ(weights[0].codes(), weights[1].codes());
            EXPECT_EQ(velocities[0].codes(), velocities[1].codes());
        }
    }
}

// posit(8,0), its codes about 1 in steps of 1/32, below it of 1/64.
//   lr d = 1/4 33/32 = 33/128 is a tie, rounded by itself to 1/4: w = 33/64 - 1/4 = 17/64; unrounded: 33/64 - 33/128 = 33/128, a tie, to 1/4.
//   v = 1/2 33/32 + 1 = 97/64, a tie, to 3/2: w = 1 - 3/2 = -1/2; of the unrounded v: 1 - 97/64 = -33/64.
TEST_F(SgdOperations, DifferFromTheOtherOrdersOnKnownVectors) {
    const Format p = Format::parse("posit(8,0)");
    const auto step = [&](StepRounding rounding, SgdStep s, Codes w, Codes v, Codes g) {
        s.rounding = rounding;
        Tensor weight = tensor_of(w, p), none, velocity = tensor_of(v, p);
        core::sgd_step({weight}, velocity, tensor_of(g, p), s);
        return std::pair(weight.codes()[0], velocity.codes()[0]);
    };
    using Pair = std::pair<std::uint64_t, std::uint64_t>;
    const SgdStep change = {.lr = 0.25, .momentum = 0.5, .first = true}, velocity = {.lr = 1, .momentum = 0.5};
    EXPECT_EQ(step(StepRounding::results, change, {0x21}, {0}, {0x41}), Pair(0x10, 0x41));
    EXPECT_EQ(step(StepRounding::every_operation, change, {0x21}, {0}, {0x41}), Pair(0x11, 0x41));
    EXPECT_EQ(step(StepRounding::fused, change, {0x21}, {0}, {0x41}), Pair(0x10, 0x41));
    EXPECT_EQ(step(StepRounding::results, velocity, {0x40}, {0x41}, {0x40}), Pair(0xdf, 0x50));
    EXPECT_EQ(step(StepRounding::every_operation, velocity, {0x40}, {0x41}, {0x40}), Pair(0xe0, 0x50));
    EXPECT_EQ(step(StepRounding::fused, velocity, {0x40}, {0x41}, {0x40}), Pair(0xe0, 0x50));
}

// (1 + 2^-27)(1 - 2^-27) = 1 - 2^-54 is 1 in float64.  Taken from 2^23 + 2, whose neighbour is 2^23, it leaves the tie above, 1 leaves the tie.
TEST_F(SgdOperations, FusedProductsThatFloat64DoesNotHoldAreExact) {
    const Format p = Format::parse("posit(32,2)");
    for (const StepRounding rounding : both) {
        const auto number = [&](double x) { return Tensor::from(std::vector<double>{x}, {1}, p); };
        Tensor weight = number(0x1p23 + 2), none;
        core::sgd_step({weight}, none, number(1 - 0x1p-27), {.lr = 1 + 0x1p-27, .rounding = rounding});
        EXPECT_EQ(weight.number(0).value(), rounding == StepRounding::fused ? 0x1p23 + 2 : 0x1p23);
    }
}

TEST_F(SgdOperations, ResultsDoNotDependOnThreads) {
    const Formats f = all_formats[0];
    SgdStep s = all_steps[1];
    s.rounding = StepRounding::every_operation;
    s.weight_rounding = s.state_rounding = Rounding::stochastic;
    Codes first;
    const int before = omp_get_max_threads();
    for (const int threads : {1, 2}) {
        omp_set_num_threads(threads);
        Tensor weight = tensor_for(f.weight, normal_codes(f.weight, 50001, 1)), master = tensor_for(f.master, normal_codes(f.master, 50001, 1));
        Tensor velocity = tensor_for(f.velocity, normal_codes(f.velocity, 50001, 2));
        core::sgd_step({weight, master}, velocity, tensor_for(f.gradient, normal_codes(f.gradient, 50001, 3)), s);
        if (threads == 1) first = weight.codes();
        EXPECT_EQ(weight.codes(), first);
    }
    omp_set_num_threads(before);
}

TEST_F(SgdOperations, CountNanWithoutACode) {
    Tensor weight = Tensor::zeros({2}, Format::parse("fixed(8,4)")), none;
    const Tensor gradient = Tensor::from({std::numeric_limits<float>::quiet_NaN(), 1.0f}, {2});
    core::sgd_step({weight}, none, gradient, {.lr = 1, .rounding = StepRounding::every_operation});
    EXPECT_EQ(backend(weight.device()).take_nan_count(), 1u);
    EXPECT_EQ(weight.codes(), (Codes{0x00, 0xf0}));
}

TEST_F(SgdOperations, HaveNames) {
    for (const StepRounding rounding : {StepRounding::results, StepRounding::every_operation, StepRounding::fused})
        EXPECT_EQ(core::parse_step_rounding(name(rounding)), rounding);
    EXPECT_EQ(error_of([] { core::parse_step_rounding("each"); }), "step rounding: unknown name: \"each\" (want results, every-operation or fused)");
}

}  // namespace
}  // namespace taper::tests
