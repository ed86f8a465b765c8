// Optimizer steps, in place: one pass over the codes of weights, state and gradient.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <taper/core/tensor.h>

namespace taper::core {

// What is rounded within a step, with s rounding into `state` and m into `master`:
enum class StepRounding : std::uint8_t {
    results,          // float32 inside without fma (float64 where float32 does not hold a format); then master and state are rounded: Qtorch+'s
    every_operation,  // each operation is its exact value rounded once, into `state` or into `master` (docs/rounding.md): PositNN's without a quire
    fused,            // the same with each product and the sum that takes it as one operation, a fused multiply-add: PositNN's last version
};
std::string name(StepRounding rounding);                  // results, every-operation, fused
StepRounding parse_step_rounding(std::string_view text);  // throws Error on another name

// The weights that a step writes; last, weight = r(master).
struct StepWeights {
    Tensor weight;
    Tensor master = {};  // undefined: the weight itself is the master
    // Defined: w -= lr d is Kahan's compensated sum, and this is c, what the master lacks, 0 at first:  y = s(c - m(lr d)); t = m(w + y);
    // c = s(y - s(t - w)); w = t.  Of results, t and c are rounded; of fused, y = s(c - lr d).
    Tensor compensation = {};
};

// g += wd w; v = mu v + g; d = v (Nesterov: d = g + mu v); w -= lr d, with w the master.
struct SgdStep {
    double lr = 0, momentum = 0, weight_decay = 0;
    bool nesterov = false;
    bool first = false;         // velocity holds nothing yet: v = g
    double gradient_scale = 1;  // g *= gradient_scale first (gradients held in float32 over micro-batches)
    StepRounding rounding = StepRounding::results;
    Rounding master_rounding = Rounding::nearest, weight_rounding = Rounding::nearest, state_rounding = Rounding::nearest;
    // Draws: of results, master uses stream, weight stream + 1, velocity stream + 2, compensation stream + 3; else operation k uses stream + k,
    // counted from 0 in gradient_scale g, wd w, g + that, mu v, that + g, Nesterov's mu v and g + that, lr d, w - that (compensated: w + y),
    // weight, and compensated y, t - w, c; those left out keep their numbers.
    std::uint64_t seed = 0, stream = 0;
};
// `velocity` may be undefined (momentum 0).
void sgd_step(StepWeights weights, Tensor& velocity, const Tensor& gradient, const SgdStep& step);
// How many streams a step's draws may use.
constexpr std::uint64_t sgd_streams(StepRounding rounding) { return rounding == StepRounding::results ? 3 : 10; }
constexpr std::uint64_t compensation_streams(StepRounding rounding) { return rounding == StepRounding::results ? 1 : 3; }  // that it adds

// g += wd w (decoupled: w -= (lr wd) w); m = b1 m + (1-b1) g; v = b2 v + ((1-b2) g) g; d = m / (c2 sqrt(v) + eps); w -= c1 d, with
// c1 = lr / (1 - b1^t), c2 = 1 / sqrt(1 - b2^t), computed in float64.  m and v start at 0.
// Source: Kingma, Ba, "Adam" (ICLR 2015); Loshchilov, Hutter, "Decoupled Weight Decay Regularization" (ICLR 2019).
struct AdamStep {
    double lr = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
    bool decoupled = false;  // AdamW
    std::int64_t t = 1;      // this step's number, from 1
    double gradient_scale = 1;
    StepRounding rounding = StepRounding::results;
    Rounding master_rounding = Rounding::nearest, weight_rounding = Rounding::nearest, state_rounding = Rounding::nearest;
    // Draws: of results, master uses stream, weight stream + 1, m stream + 2, v stream + 3, compensation stream + 4; else operation k uses
    // stream + k, counted from 0 in gradient_scale g, wd w, g + that, (lr wd) w, w - that, b1 m, (1-b1) g, their sum, b2 v, (1-b2) g, that g,
    // b2 v + that, sqrt(v), c2 that, that + eps, m / that, c1 d, w - that (compensated: w + y), weight, and compensated y, t - w, c.
    std::uint64_t seed = 0, stream = 0;
};
void adam_step(StepWeights weights, Tensor& mean, Tensor& square, const Tensor& gradient, const AdamStep& step);
constexpr std::uint64_t adam_streams(StepRounding rounding) { return rounding == StepRounding::results ? 4 : 19; }

}  // namespace taper::core
