// RoundedPlan: how the steps of an accumulator are done on lanes of float or double, where those give its bits.
#pragma once

#include <cstdint>
#include <optional>

#include <taper/core/accumulator.h>
#include <taper/core/cpu/rounded_kernels.h>

namespace taper::cpu {

// split: s <- r(s + m(a b)); the others as in rounded_kernels.h.
enum class StepKind : std::uint8_t { fused, in_lane, compensated, split };

template <class Real>
struct RoundedPlan {
    StepKind kind = StepKind::fused;
    LaneRound<Real> round, product;      // r and m of the steps
    Guessing guessing = Guessing::none;  // of fused and in_lane steps
    std::int64_t chunk = 0;              // terms of a chunk, 0 where there are none
    LaneRound<Real> outer;               // r of the sums of chunks
};

// The plan for nearest rounding of sums of products of these formats; nothing where lanes of Real would give other bits.
template <class Real>
std::optional<RoundedPlan<Real>> rounded_plan(const Accumulator& accumulator, const Format& left, const Format& right);

// Does the lane hold every product of finite values of these formats, with room above for a sum?
template <class Real>
bool exact_products(const Format& left, const Format& right);

// The loops of this machine's level.
template <class Real>
const RoundedKernels<Real>& rounded_kernels();

}  // namespace taper::cpu
