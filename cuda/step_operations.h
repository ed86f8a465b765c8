// Parts of optimizer steps: tensors that a step reads and writes, its operations rounded one by one on exact numbers.
#pragma once

#include <taper/core/cpu/step_operations.h>
#include <taper/cuda/element_io.h>
#include <taper/formats/arithmetic.h>

namespace taper::cuda {

// A tensor in place.
struct StepTensor {
    Input in;
    Result out;
    bool defined = false;
    StepTensor() = default;
    StepTensor(Runtime& runtime, Tensor& t, const RoundingMode& mode) : defined(t.defined()) {
        if (!defined) return;
        in = Input(runtime, t);
        out = Result(runtime, t, mode);
    }
};

// The most precise weights, `held`, and what follows them (core/cpu/step_operations.h).
struct HeldWeights {
    StepTensor held, weight, compensation;
    HeldWeights(Runtime& runtime, core::StepWeights& w, const taper::HeldWeights<double>::Modes& modes)
        : held(runtime, w.master.defined() ? w.master : w.weight, w.master.defined() ? modes.master : modes.weight) {
        if (w.master.defined()) weight = StepTensor(runtime, w.weight, modes.weight);
        compensation = StepTensor(runtime, w.compensation, modes.compensation);
    }

    // Writes element i; returns what the held weight became.
    template <class T>
    TAPER_FN T write(std::int64_t i, T w) const {
        held.out.put(i, w);
        const T written = held.in.at<T>(i);
        if (weight.defined) weight.out.put(i, written);
        return written;
    }
    // w -= lr d, of results (core/steps.h).
    template <class T>
    TAPER_FN void descend(std::int64_t i, T lr, T d, T w) const {
        if (!compensation.defined) {
            write(i, w - lr * d);
            return;
        }
        const T y = compensation.in.at<T>(i) - lr * d, t = write(i, w + y);
        compensation.out.put(i, y - (t - w));
    }
};

// r of an exact result, as the value that its code stands for; draws by the index of the element.
struct RoundedOperation {
    Result out;  // codes are not written: format, mode and the count of NaN alone

    RoundedOperation() = default;
    RoundedOperation(Runtime& runtime, const Target& target, const RoundingMode& mode) {
        out.format = device_format(runtime, target.format);
        out.mode = mode;
        out.nan_count = runtime.nan_count();
    }
    TAPER_FN double round(std::int64_t i, const Unpacked& x) const {
        out.lose(x.kind == Kind::nan);
        return double_of(out.format.unpack(out.format.pack(x, out.mode.mode, out.mode.mode == Rounding::stochastic ? out.mode.draw(i) : 0)));
    }
    TAPER_CALLED double mul(std::int64_t i, double x, double b) const { return round(i, exact_mul(unpacked_of(x), unpacked_of(b))); }
    TAPER_CALLED double add(std::int64_t i, double x, double b) const { return round(i, exact_add(unpacked_of(x), unpacked_of(b))); }
    TAPER_CALLED double sub(std::int64_t i, double x, double b) const { return round(i, exact_add(unpacked_of(x), negated(unpacked_of(b)))); }
    TAPER_CALLED double div(std::int64_t i, double x, double b) const { return round(i, exact_div(unpacked_of(x), unpacked_of(b))); }
    TAPER_CALLED double sqrt(std::int64_t i, double x) const { return round(i, exact_sqrt(unpacked_of(x))); }
    TAPER_CALLED double fma(std::int64_t i, double x, double z, double b) const { return round(i, exact_fma(unpacked_of(x), unpacked_of(z), unpacked_of(b))); }
};

// The operations of a step by number; those from `change` on update the weights.
template <int count>
struct StepOperations {
    RoundedOperation operation[count];
    bool fused = false;

    // r(r(a x) + b), r(b - r(a x)), or without the inner rounding where they are fused; `product` is the number of the inner one.
    TAPER_FN double multiply_add(int product, std::int64_t i, double a, double x, double b) const {
        return fused ? operation[product + 1].fma(i, a, x, b) : operation[product + 1].add(i, operation[product].mul(i, a, x), b);
    }
    TAPER_FN double subtract(int product, int sum, std::int64_t i, double a, double x, double b) const {
        return fused ? operation[sum].fma(i, -a, x, b) : operation[sum].sub(i, b, operation[product].mul(i, a, x));
    }
    // w -= lr d; writes w, what follows it and the compensation.
    TAPER_FN void descend(int change, std::int64_t i, double lr, double d, double w, const HeldWeights& held) const {
        using Update = taper::StepOperations::Update;
        if (!held.compensation.defined) {
            held.write(i, subtract(change, change + Update::master, i, lr, d, w));
            return;
        }
        const double y = subtract(change, change + Update::update, i, lr, d, held.compensation.in.at<double>(i));
        const double t = operation[change + Update::master].add(i, w, y), gain = operation[change + Update::gain].sub(i, t, w);
        held.compensation.out.put(i, operation[change + Update::compensation].sub(i, y, gain));
        held.write(i, t);
    }
};

template <int count, class Step>
StepOperations<count> step_operations(Runtime& runtime, const Step& step, const taper::StepOperations::Targets& targets, int change,
                                      std::initializer_list<int> into_held = {}) {
    StepOperations<count> all;
    all.fused = step.rounding == core::StepRounding::fused;
    for (int number = 0; number < count; ++number) {
        bool held = number == change || number == change + taper::StepOperations::master;
        for (const int other : into_held) held = held || number == other;
        const Target& target = held ? targets.held : targets.state;
        all.operation[number] = RoundedOperation(runtime, target, operation_mode(step, target.rounding, number));
    }
    return all;
}

}  // namespace taper::cuda
