// Adam steps in which every operation is rounded, against exact rationals.
#include <omp.h>

#include "core/step_support.h"

namespace taper::tests {
namespace {

using core::AdamStep;
using core::StepRounding;

struct Formats {
    const char *weight, *master, *moment, *gradient;  // master null: undefined
};

struct State {
    Codes weight, master, mean, square, compensation;
};

// sqrt(x), or a number strictly between it and the next point of any format: one that the root is not.
Exact sticky_sqrt(const Exact& x) {
    if (x.kind != Exact::finite || x.magnitude == 0) return x.kind == Exact::infinite && x.negative ? Exact{.kind = Exact::nan} : x;
    if (x.negative) return {.kind = Exact::nan};
    const mpq_class scaled = x.magnitude * power_of_two(2400);
    mpz_class root;
    const mpz_class whole = scaled.get_num() / scaled.get_den();
    mpz_sqrt(root.get_mpz_t(), whole.get_mpz_t());
    const bool exact_root = mpq_class(root * root) == scaled;
    return {.kind = Exact::finite, .negative = false, .magnitude = (mpq_class(root) + (exact_root ? mpq_class(0) : mpq_class(1, 2))) * power_of_two(-1200)};
}

// The list of AdamStep, line by line, for element i.
void reference_element(const AdamStep& s, const StepRounders& r, Exact g, Exact& m, Exact& v, Exact& w, Exact* c, std::size_t i) {
    const Rounder& state = r.state;
    const double t = static_cast<double>(s.t);
    const auto multiply_add = [&](const Exact& a, const Exact& x, const Exact& b, std::uint64_t k) { return r.multiply_add(state, a, x, b, k, i); };
    g = state(exact_mul(exact(s.gradient_scale), g), 0, i);
    if (s.weight_decay != 0 && !s.decoupled) g = multiply_add(state.factor(s.weight_decay), w, g, 1);
    if (s.weight_decay != 0 && s.decoupled) {
        const Exact product = exact_mul(r.held.factor(s.lr * s.weight_decay), w);
        w = r.held(exact_add(w, negated(r.fused ? product : r.held(product, 3, i))), 4, i);
    }
    const Exact mean_kept = state(exact_mul(state.factor(s.beta1), m), 5, i);
    m = multiply_add(state.factor(1 - s.beta1), g, mean_kept, 6);
    const Exact square_kept = state(exact_mul(state.factor(s.beta2), v), 8, i), part = state(exact_mul(state.factor(1 - s.beta2), g), 9, i);
    v = multiply_add(part, g, square_kept, 10);
    const Exact root = state(sticky_sqrt(v), 12, i);
    const Exact denominator = multiply_add(state.factor(1 / std::sqrt(1 - std::pow(s.beta2, t))), root, state.factor(s.eps), 13);
    const Exact d = state(exact_div(m, denominator), 15, i);
    r.descend(r.held.factor(s.lr * (1 / (1 - std::pow(s.beta1, t)))), d, w, c, 16, i);
}

void reference_step(const AdamStep& s, const Formats& f, State& x, const Codes& gradient) {
    const Format weight = Format::parse(f.weight), held_format = f.master != nullptr ? Format::parse(f.master) : weight;
    const Rounder held(held_format, f.master != nullptr ? s.master_rounding : s.weight_rounding, s), read(weight, s.weight_rounding, s);
    const Rounder state(Format::parse(f.moment), s.state_rounding, s);
    const StepRounders rounders = {s.rounding == StepRounding::fused, state, held};
    const Reference g_format(f.gradient);
    Codes& held_codes = f.master != nullptr ? x.master : x.weight;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
        Exact w = held.decode(held_codes[i]), m = state.decode(x.mean[i]), v = state.decode(x.square[i]);
        Exact c = x.compensation.empty() ? Exact() : state.decode(x.compensation[i]);
        reference_element(s, rounders, g_format.decode(gradient[i]), m, v, w, x.compensation.empty() ? nullptr : &c, i);
        held_codes[i] = held.code_of(w);
        x.mean[i] = state.code_of(m);
        x.square[i] = state.code_of(v);
        if (!x.compensation.empty()) x.compensation[i] = state.code_of(c);
        if (f.master != nullptr) x.weight[i] = read.code(w, 18, i);
    }
}

// Three steps in a row, each checked, from codes that `fill` makes.
void check(const Formats& f, AdamStep s, std::size_t n, Fill fill, bool compensated = false) {
    const char* compensation_format = compensated ? f.moment : nullptr;
    const auto state_codes = [&](const char* format, std::uint64_t seed) { return fill == any_codes ? fill(format, n, seed) : zero_codes(format, n); };
    State x = {fill(f.weight, n, 1), fill(f.master, n, 2), state_codes(f.moment, 3), state_codes(f.moment, 4), state_codes(compensation_format, 5)};
    const Tensor weight = tensor_for(f.weight, x.weight), master = tensor_for(f.master, x.master),
                 compensation = tensor_for(compensation_format, x.compensation);
    Tensor mean = tensor_for(f.moment, x.mean), square = tensor_for(f.moment, x.square);
    for (std::uint64_t step = 0; step < 3; ++step) {
        const Codes gradient = fill(f.gradient, n, 10 + step);
        s.t = static_cast<std::int64_t>(step) + 1;
        s.stream = 22 * step;
        core::adam_step({weight, master, compensation}, mean, square, tensor_for(f.gradient, gradient), s);
        reference_step(s, f, x, gradient);
        const std::string what = std::string(f.gradient) + " " + name(s.rounding) + " step " + std::to_string(step);
        expect_same(f.moment, mean, x.mean, what + " mean");
        expect_same(f.moment, square, x.square, what + " square");
        expect_same(f.weight, weight, x.weight, what + " weight");
        expect_same(f.master, master, x.master, what + " master");
        expect_same(compensation_format, compensation, x.compensation, what + " compensation");
    }
    EXPECT_EQ(weight.version(), 3u);
    EXPECT_EQ(square.version(), 3u);
}

class AdamOperations : public CoreOps {};

const Formats all_formats[] = {{"posit(8,2)", "posit(16,2)", "posit(16,2)", "posit(8,2)"},
                               {"posit(5,2)", "posit(12,2)", "posit(12,2)", "posit(5,2)"},
                               {"posit(16,1)", nullptr, "posit(16,1)", "posit(16,1)"},
                               {"posit(8,2)", "posit(16,1)", "posit(12,2)", "float32"},
                               {"posit(16,1)", "posit(32,2)", "posit(32,2)", "posit(8,2)"},
                               {"posit(8,2,underflow)", nullptr, "posit(8,2,underflow)", "posit(8,2,underflow)"},
                               {"bf16", "float32", "bf16", "bf16"},
                               {"e4m3", "fp16", "posit(16,2)", "e5m2"},
                               {"posit(8,2)", "float32", "fixed(16,8)", "float32"}};
const AdamStep all_steps[] = {{.lr = 1e-3},
                              {.lr = 0.01, .beta1 = 0.8, .beta2 = 0.99, .weight_decay = 0.01},
                              {.lr = 0.02, .eps = 1e-4, .weight_decay = 0.1, .decoupled = true, .gradient_scale = 1.0 / 3}};

template <class Call>
void for_all(const Call& call) {
    for (const StepRounding rounding : {StepRounding::every_operation, StepRounding::fused})
        for (const Formats& f : all_formats)
            for (AdamStep s : all_steps) {
                s.rounding = rounding;
                call(f, s);
            }
}

TEST_F(AdamOperations, EachIsOneRoundingOfTheExactResult) {
    for_all([](const Formats& f, const AdamStep& s) { check(f, s, 100, normal_codes); });
}

TEST_F(AdamOperations, TakeAnyCodes) {
    for_all([](const Formats& f, const AdamStep& s) { check(f, s, 100, any_codes, true); });
}

TEST_F(AdamOperations, OfTheCompensatedUpdateToo) {
    for_all([](const Formats& f, const AdamStep& s) { check(f, s, 60, normal_codes, true); });
}

TEST_F(AdamOperations, RoundTowardZeroAndStochasticallyToo) {
    for_all([](const Formats& f, AdamStep s) {
        for (const Rounding rounding : {Rounding::zero, Rounding::stochastic}) {
            s.master_rounding = s.weight_rounding = s.state_rounding = rounding;
            s.seed = 77;
            check(f, s, 30, normal_codes, rounding == Rounding::stochastic);
        }
    });
}

}  // namespace
}  // namespace taper::tests
