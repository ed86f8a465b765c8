// SumProblem: a matrix product, a convolution or one of its gradients as one shape of work on the device (core/cpu/sum_problem.h has the same on the host):
//   y[base + left.output[i] + right.output[j]] = r(bias + sum_k left(i, k) right(j, k)),  side(i, k) = values[base + line[i] + term[k]]
#pragma once

#include <vector>

#include <taper/core/accumulator.h>
#include <taper/core/backend.h>
#include <taper/cuda/element_io.h>

namespace taper::cuda {

template <class Real>
struct SumSide {
    const Real* values;
    const std::int64_t *line, *term, *output;
    TAPER_FN Real at(std::int64_t base, std::int64_t i, std::int64_t k) const { return values[base + line[i] + term[k]]; }
};

struct SumBase {
    std::int64_t left, right, output;
};

// What kernels read of a problem.
template <class Real>
struct SumShape {
    SumSide<Real> left, right;
    std::int64_t rows, columns, terms, batch;
    const SumBase* bases;
    Input bias;  // of each column, or row; codes is null where there is none
    bool bias_of_rows;

    TAPER_FN std::int64_t output(std::int64_t entry, std::int64_t i, std::int64_t j) const { return bases[entry].output + left.output[i] + right.output[j]; }
    TAPER_FN bool has_bias() const { return bias.codes != nullptr; }
    TAPER_FN std::int64_t bias_at(std::int64_t i, std::int64_t j) const { return bias_of_rows ? i : j; }
};

// Elements (i_0, i_1, ...), the last index fastest, at first + sum_k i_k strides_k.
struct Grid {
    struct Axis {
        std::int64_t size, stride;
    };
    std::int64_t first = 0;
    int axes = 0;
    Axis axis[4] = {};
    Grid(std::initializer_list<Axis> list, std::int64_t at = 0) : first(at) {
        for (const Axis& a : list) axis[axes++] = a;
    }
    TAPER_FN std::int64_t size() const {
        std::int64_t n = 1;
        for (int i = 0; i < axes; ++i) n *= axis[i].size;
        return n;
    }
    TAPER_FN std::int64_t operator()(std::int64_t i) const {
        std::int64_t at = first;
        for (int k = axes - 1; k >= 0; --k) {
            at += i % axis[k].size * axis[k].stride;
            i /= axis[k].size;
        }
        return at;
    }
};

// Planes [height, width] of a tensor, each set into zeros: pixel (i, j) at row i * step + top, column j * step + left; pixels outside are dropped.
struct Framing {
    std::int64_t planes, height, width, rows, columns, step, top, left;
    std::int64_t plane() const { return rows * columns; }
    bool changes_nothing() const { return step == 1 && top == 0 && left == 0 && rows == height && columns == width; }
};

// One operand: where its elements lie.
struct SumOperand {
    Tensor tensor;
    Framing framing;  // planes 0: the tensor as it lies
    Grid line, term, output;
};

// A call as a backend gets it.
struct SumCall {
    SumOperand left, right;
    std::vector<SumBase> batch;
    Tensor bias;
    bool bias_of_rows;
    const Accumulator& accumulator;
    Tensor& y;
    const RoundingMode& mode;
};

// The problem with its memory: operands decoded into Real, which must hold their values.
template <class Real>
class SumProblem {
  public:
    SumProblem(Runtime& runtime, const SumCall& call);
    SumShape<Real> shape() const { return shape_; }

  private:
    std::vector<Buffer<Real>> values_;
    std::vector<Buffer<std::int64_t>> offsets_;
    Buffer<SumBase> bases_;
    SumShape<Real> shape_;
    SumSide<Real> side(Runtime& runtime, const SumOperand& operand);
};

// The drivers.  Any accumulator, term by term on exact numbers (core/serial_sum.h).
void serial_sums(Runtime& runtime, const SumCall& call);
// The exact sum, rounded once.
void exact_sums(Runtime& runtime, const SumCall& call);
// float32 and float64, in an order of their own.
void float_sums(Runtime& runtime, const SumCall& call);
// Steps rounded on lanes; false where those would not give the accumulator's bits.
bool rounded_sums(Runtime& runtime, const SumCall& call);

}  // namespace taper::cuda
