#include <taper/core/cpu/step_operations.h>

#include <algorithm>
#include <variant>

namespace taper {

// A posit holds those of the same es and scale and fewer bits.
bool holds(const Format& wide, const Format& narrow) {
    const auto *a = std::get_if<Posit>(&wide.family()), *b = std::get_if<Posit>(&narrow.family());
    return wide == narrow || (wide.scale_exponent() == narrow.scale_exponent() && a != nullptr && b != nullptr && a->es == b->es && a->n >= b->n);
}

double rounded(double x, const Format& format) { return decode_one(format, encode_one(format, x)); }

template <>
const StepLoops<float>& step_loops() {
    return elementwise_kernels().step32;
}
template <>
const StepLoops<double>& step_loops() {
    return elementwise_kernels().step64;
}

template <class T>
HeldWeights<T>::HeldWeights(core::StepWeights& weights, const Modes& modes)
    : held_(weights.master.defined() ? weights.master : weights.weight, weights.master.defined() ? modes.master : modes.weight) {
    if (weights.master.defined()) weight_.emplace(weights.weight, modes.weight);
    if (weights.compensation.defined()) compensation_.emplace(weights.compensation, modes.compensation);
}

template <class T>
void HeldWeights<T>::read(const Block& block, T* w, T* c) const {
    held_.read(block, w);
    if (compensation_) compensation_->read(block, c);
}

template <class T>
std::size_t HeldWeights<T>::write_held(const Block& block, T* w) const {
    const std::size_t lost = held_.write(block, w);
    if (!weight_ && !compensation_) return lost;
    held_.read(block, w);  // the weight is rounded from the rounded master
    return lost + (weight_ ? weight_->write(block, w) : 0);
}

template <class T>
std::size_t HeldWeights<T>::descend(const Block& block, T lr, const T* d, T* w) const {
    const std::size_t n = static_cast<std::size_t>(block.count);
    if (!compensation_) {
        step_loops<T>().descend(lr, d, w, n);
        return write_held(block, w);
    }
    alignas(64) T y[lane_block], t[lane_block];
    compensation_->read(block, y);
    step_loops<T>().descend(lr, d, y, n);
    for (std::size_t i = 0; i < n; ++i) t[i] = w[i] + y[i];
    const std::size_t lost = write_held(block, t);
    for (std::size_t i = 0; i < n; ++i) y[i] = y[i] - (t[i] - w[i]);
    return lost + compensation_->write(block, y);
}

template <class T>
std::size_t HeldWeights<T>::write(const Block& block, T* w, const T* c) const {
    const std::size_t lost = write_held(block, w);
    return lost + (compensation_ ? compensation_->write(block, c) : 0);
}

template class HeldWeights<float>;
template class HeldWeights<double>;

std::size_t StepOperations::multiply_add(int product, const Block& block, double a, const double* x, const double* b, double* y) const {
    const StepOperations& operations = *this;
    if (fused_) return operations[product + 1].multiply_add(block, a, x, b, y);
    alignas(64) double ax[lane_block];
    const std::size_t lost = operations[product].scale(block, a, x, ax);
    return lost + operations[product + 1].add(block, ax, b, y);
}

std::size_t StepOperations::multiply_add(int product, const Block& block, const double* x, const double* z, const double* b, double* y) const {
    const StepOperations& operations = *this;
    if (fused_) return operations[product + 1].multiply_add(block, x, z, b, y);
    alignas(64) double xz[lane_block];
    const std::size_t lost = operations[product].mul(block, x, z, xz);
    return lost + operations[product + 1].add(block, xz, b, y);
}

std::size_t StepOperations::subtract(int product, int sum, const Block& block, double a, const double* x, const double* b, double* y) const {
    const StepOperations& operations = *this;
    if (fused_) return operations[sum].multiply_add(block, -a, x, b, y);
    alignas(64) double ax[lane_block];
    const std::size_t lost = operations[product].scale(block, a, x, ax);
    return lost + operations[sum].sub(block, b, ax, y);
}

std::size_t StepOperations::descend(const Block& block, double lr, const double* d, double* w, double* c) const {
    const StepOperations& operations = *this;
    if (c == nullptr) return subtract(change_, change_ + master, block, lr, d, w, w);
    alignas(64) double y[lane_block], t[lane_block];
    std::size_t lost = subtract(change_, change_ + update, block, lr, d, c, y);
    lost += operations[change_ + master].add(block, w, y, t);
    lost += operations[change_ + gain].sub(block, t, w, w);
    lost += operations[change_ + compensation].sub(block, y, w, c);
    std::copy(t, t + block.count, w);
    return lost;
}

bool in_float32(std::initializer_list<const Tensor*> tensors) {
    return std::all_of(tensors.begin(), tensors.end(), [](const Tensor* t) { return !t->defined() || t->format().exact_in_float32(); });
}

void raise_versions(std::initializer_list<const Tensor*> tensors) {
    for (const Tensor* t : tensors)
        if (t->defined()) t->storage()->raise_version();
}

}  // namespace taper
