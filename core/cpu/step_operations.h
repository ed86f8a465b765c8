// What optimizer steps share on the CPU: their tensors as blocks of values, their operations rounded one by one, the update of the weights.
#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

#include <taper/core/cpu/operand.h>
#include <taper/core/cpu/rounded_operation.h>
#include <taper/core/steps.h>
#include <taper/core/target.h>

namespace taper {

// A draw of operation `number` comes from stream + number.
template <class Step>
RoundingMode operation_mode(const Step& step, Rounding rounding, int number) {
    return {rounding, {.seed = step.seed, .stream = step.stream + static_cast<std::uint64_t>(number)}};
}

// A constant of a step as an operation reads it.
double rounded(double x, const Format& format);
// A format holds all values of the other.
bool holds(const Format& wide, const Format& narrow);

template <class T>
const StepLoops<T>& step_loops();

// A tensor that a step reads and writes.
template <class T>
class StepTensor {
  public:
    StepTensor(Tensor& t, const RoundingMode& mode) : in_(t), out_(t, mode) {}
    void read(const Block& block, T* values) const { in_.copy(block.begin, block.count, values); }
    std::size_t write(const Block& block, const T* values) const { return out_.finish(block.begin, block.count, values); }

  private:
    Reader<T> in_;
    Writer<T> out_;
};

// The most precise weights, `held`, and what follows them.
template <class T>
class HeldWeights {
  public:
    struct Modes {
        RoundingMode master, weight, compensation;
    };
    // A weight that is its own master is written by `weight`.
    HeldWeights(core::StepWeights& weights, const Modes& modes);
    void read(const Block& block, T* w, T* c) const;  // c where it is compensated

    // The last part of a step of which only the results are rounded: w -= lr d, written; returns how many NaN had no code.
    std::size_t descend(const Block& block, T lr, const T* d, T* w) const;
    // Writes w and c.
    std::size_t write(const Block& block, T* w, const T* c) const;

  private:
    std::size_t write_held(const Block& block, T* w) const;  // and the weight; w becomes what was written
    StepTensor<T> held_;
    std::optional<StepTensor<T>> weight_, compensation_;
};

// The operations of a step in which each is rounded, by number; from `change` on the numbers are those of the update of the weights.
class StepOperations {
  public:
    struct Targets {
        Target state, held;
        int significand;  // most significant bits of any value that takes part
    };
    // Those of `into_held`, the change and the master are rounded into `held`, the others into `state`.
    template <class Step>
    StepOperations(const Step& step, const Targets& targets, int change, std::initializer_list<int> into_held = {})
        : fused_(step.rounding == core::StepRounding::fused), change_(change) {
        for (int number = 0; number <= change + compensation; ++number) {
            bool held = number == change || number == change + master;
            for (const int other : into_held) held = held || number == other;
            const Target& target = held ? targets.held : targets.state;
            operations_.emplace_back(target.format, operation_mode(step, target.rounding, number), targets.significand);
        }
    }
    const RoundedOperation& operator[](int number) const { return operations_[static_cast<std::size_t>(number)]; }
    bool fused() const { return fused_; }

    // y = r(r(a x) + b), r(r(x z) + b), or r(b - r(a x)), or without the inner rounding where they are fused; `product` is the number of the
    // inner one, `sum` of the outer.
    std::size_t multiply_add(int product, const Block& block, double a, const double* x, const double* b, double* y) const;
    std::size_t multiply_add(int product, const Block& block, const double* x, const double* z, const double* b, double* y) const;
    std::size_t subtract(int product, int sum, const Block& block, double a, const double* x, const double* b, double* y) const;

    // w -= lr d, with c where it is not null.
    std::size_t descend(const Block& block, double lr, const double* d, double* w, double* c) const;

    enum Update : int { master = 1, weight, update, gain, compensation };  // added to the number of the change

  private:
    bool fused_;
    int change_;
    std::vector<RoundedOperation> operations_;
};

// The formats and roundings of a step's operations: `state` is what its state is in, held's where it has none.
template <class Step>
StepOperations::Targets operation_targets(const Step& step, const core::StepWeights& weights, const Tensor& state, const Format& gradient) {
    const bool own = !weights.master.defined();
    const Target held(own ? weights.weight.format() : weights.master.format(), own ? step.weight_rounding : step.master_rounding);
    const Tensor& kept = state.defined() ? state : weights.compensation;
    const Target target = kept.defined() ? Target(kept.format(), step.state_rounding) : held;
    return {target, held, std::max({target.format.significand_bits(), held.format.significand_bits(), gradient.significand_bits()})};
}

// How a step of which each operation is rounded writes its weights, values that `held` holds; `change` as in StepOperations.
template <class Step>
HeldWeights<double>::Modes exact_modes(const Step& step, const core::StepWeights& weights, int change) {
    return {{}, weights.master.defined() ? operation_mode(step, step.weight_rounding, change + StepOperations::weight) : RoundingMode{}, {}};
}

// Whether float32 holds all values of all that are defined.
bool in_float32(std::initializer_list<const Tensor*> tensors);
void raise_versions(std::initializer_list<const Tensor*> tensors);  // of those that are defined

}  // namespace taper
