// SumProblem: a matrix product, a convolution or one of its gradients as one shape of work.  Every output is a sum of products of elements
// of two decoded arrays, and each element lies at an offset of its line plus an offset of its term.
//   y[base + left.output[i] + right.output[j]] = r(bias + sum_k left(i, k) right(j, k)),  side(i, k) = values[base + line[i] + term[k]]
// Real is the type that products are formed in: float or double; it must hold the operands' values.
#pragma once

#include <memory>
#include <vector>

#include <taper/core/backend.h>
#include <taper/core/cpu/conv_sizes.h>
#include <taper/core/cpu/offsets.h>

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
    struct Base {
        std::int64_t left, right, output;
        std::int64_t bias = 0;  // of the first row or column
    };
    SumSide<Real> left, right;  // left: rows of a tile; right: its columns
    std::vector<Base> batch;    // one problem each, over the same lines and terms
    std::vector<double> bias;   // of each column, or row, or empty; a format of its own, which Real might not hold
    bool bias_of_rows = false;

    std::int64_t rows() const { return left.line.size(); }
    std::int64_t columns() const { return right.line.size(); }
    std::int64_t terms() const { return left.term.size(); }
};

// a [M, K] and b [K, N] of each batch entry; rows m, columns n, k ascending.
template <class Real>
SumProblem<Real> matmul_problem(const Backend::MatmulShape& shape, const Tensor& a, const Tensor& b, const Tensor& bias);
// Of each group: rows o, columns (n, p, q), terms (c, r, s) of x framed with zeros.
template <class Real>
SumProblem<Real> conv2d_problem(const ConvSizes& sizes, const Tensor& x, const Tensor& w, const Tensor& bias);
// Of each group: rows c, columns (n, h, w), terms (o, r, s) of the flipped kernels over dy with zeros between and around its elements.
template <class Real>
SumProblem<Real> conv2d_backward_data_problem(const ConvSizes& sizes, const Tensor& dy, const Tensor& w, const Tensor& bias);
// Of each group: rows o, columns (c, r, s), terms (n, p, q).
template <class Real>
SumProblem<Real> conv2d_backward_weights_problem(const ConvSizes& sizes, const Tensor& dy, const Tensor& x);

}  // namespace taper::cpu
