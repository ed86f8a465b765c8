// SumProblem: a SumShape (core/sum_shape.h) with its operands decoded and its offsets laid out as tables, on the device.
#pragma once

#include <optional>
#include <vector>

#include <taper/core/accumulator.h>
#include <taper/core/norm.h>
#include <taper/core/sum_shape.h>
#include <taper/cuda/decoded.h>
#include <taper/cuda/element_io.h>

namespace taper::cuda {

template <class Real>
struct SumSide {
    const Real* values;
    const std::int64_t *line, *term, *output;
    TAPER_FN const Real& at(std::int64_t base, std::int64_t i, std::int64_t k) const { return values[base + line[i] + term[k]]; }
};

// What kernels read of a problem.
template <class Real>
struct DeviceSums {
    SumSide<Real> left, right;
    std::int64_t rows, columns, terms, batch;
    const SumBase* bases;
    Input bias;  // of each column, or row; codes is null where there is none
    bool bias_of_rows;

    TAPER_FN std::int64_t output(std::int64_t entry, std::int64_t i, std::int64_t j) const { return bases[entry].output + left.output[i] + right.output[j]; }
    TAPER_FN bool has_bias() const { return bias.codes != nullptr; }
    TAPER_FN std::int64_t bias_at(std::int64_t entry, std::int64_t i, std::int64_t j) const { return bases[entry].bias + (bias_of_rows ? i : j); }
};

// A call as a backend gets it.
struct SumCall {
    const SumShape& shape;
    const Tensor &left, &right, &bias;
    const Accumulator& accumulator;
    Tensor& y;
    const Epilogue& epilogue;
    DecodedCache& decoded;
    std::optional<core::Moments>* moments = nullptr;  // set where y's moments by channel are formed with it
};

// Elements of an operand as a SumShape sees it, framed or as it lies.
inline std::int64_t elements_of(const SumSideShape& side, const Tensor& x) {
    return side.framing.planes == 0 || side.framing.changes_nothing() ? x.elements() : side.framing.planes * side.framing.plane();
}

// Entries of the batch from `first` on, at most `most`, at equal steps.
std::int64_t regular_entries(const std::vector<SumBase>& batch, std::int64_t first, std::int64_t most);

// The problem with its memory: operands decoded into Real, which must hold their values.
template <class Real>
class SumProblem {
  public:
    SumProblem(Runtime& runtime, const SumCall& call);
    DeviceSums<Real> sums() const { return sums_; }

  private:
    std::vector<Buffer<Real>> values_;
    std::vector<Buffer<std::int64_t>> offsets_;
    Buffer<SumBase> bases_;
    DeviceSums<Real> sums_;
    SumSide<Real> side(Runtime& runtime, const SumSideShape& shape, const Tensor& x);
    const Real* decoded(Runtime& runtime, const SumSideShape& shape, const Tensor& x);  // its own codes where they are of Real
};

// The drivers.  The exact sum, rounded once.
void exact_sums(Runtime& runtime, const SumCall& call);
// The same term by term, every format; exact sums in chunks.
void register_sums(Runtime& runtime, const SumCall& call);
// float32 and float64, in an order of their own.
void float_sums(Runtime& runtime, const SumCall& call);
// Steps rounded on lanes; false where those would not give the accumulator's bits.
bool rounded_sums(Runtime& runtime, const SumCall& call);
// Likewise where a step has more roundings.
bool stepped_sums(Runtime& runtime, const SumCall& call);
// The same two at a time, rounded to fp16 or bf16 by fused multiply-adds of the hardware.
bool half_sums(Runtime& runtime, const SumCall& call);
// All other steps: they draw, or are of formats that no lane holds.
void general_sums(Runtime& runtime, const SumCall& call);

}  // namespace taper::cuda
