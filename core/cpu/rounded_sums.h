// Sums of products whose steps are rounded, on lanes of float or double: the bits of core/serial_sum.h at the speed of the machine.
#pragma once

#include <cstddef>

#include <taper/core/cpu/sum_problem.h>

namespace taper::cpu {

struct SumCall;

// Do lanes of Real (float, double) give the bits of the call's accumulator?
template <class Real>
bool sums_on_lanes(const SumCall& call);
// Where they do.  Returns how many NaN had no code in y.
template <class Real>
std::size_t rounded_sums(const SumProblem<Real>& problem, const SumCall& call);

}  // namespace taper::cpu
