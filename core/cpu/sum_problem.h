// SumProblem: a SumShape with its operands decoded and its offsets laid out as tables.
// Real is the type that products are formed in: float or double; it must hold the operands' values.
#pragma once

#include <memory>
#include <vector>

#include <taper/core/cpu/offsets.h>
#include <taper/core/sum_shape.h>
#include <taper/core/tensor.h>

namespace taper::cpu {

// The values of a tensor, decoded; counted under Role::decoded while it lives.
template <class Real>
struct DecodedValues {
    std::shared_ptr<Storage> storage;  // null where the tensor itself holds values of this type
    Tensor source;
    const Real* data = nullptr;
};

template <class Real>
struct SumSide {
    DecodedValues<Real> values;
    Offsets line, term;
    Offsets output;  // of each line, what it adds to the index of an output
};

template <class Real>
struct SumProblem {
    using Base = SumBase;
    SumSide<Real> left, right;  // left: rows of a tile; right: its columns
    std::vector<Base> batch;    // one problem each, over the same lines and terms
    std::vector<double> bias;   // of each column, or row, or empty; a format of its own, which Real might not hold
    bool bias_of_rows = false;

    std::int64_t rows() const { return left.line.size(); }
    std::int64_t columns() const { return right.line.size(); }
    std::int64_t terms() const { return left.term.size(); }
};

template <class Real>
SumProblem<Real> sum_problem(const SumShape& shape, const Tensor& left, const Tensor& right, const Tensor& bias);

}  // namespace taper::cpu
