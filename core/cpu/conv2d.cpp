#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/product_reference.h>

namespace taper {

using cpu::ConvSizes;

void CpuBackend::conv2d(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y,
                        const RoundingMode& mode) {
    const cpu::ConvTerms terms(ConvSizes(spec, x.shape(), w.shape(), y.shape()));
    if (accumulator.kind() == Accumulator::Kind::exact) return count_nan(cpu::exact_product(terms, x, w, bias, y, mode));
    count_nan(cpu::float64_product(terms, x, w, bias, y, mode));
}

void CpuBackend::conv2d_backward_data(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& w, Tensor& dx,
                                      const RoundingMode& mode) {
    const cpu::ConvBackwardDataTerms terms(ConvSizes(spec, dx.shape(), w.shape(), dy.shape()));
    if (accumulator.kind() == Accumulator::Kind::exact) return count_nan(cpu::exact_product(terms, dy, w, {}, dx, mode));
    count_nan(cpu::float64_product(terms, dy, w, {}, dx, mode));
}

void CpuBackend::conv2d_backward_weights(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& x, Tensor& dw,
                                         const RoundingMode& mode) {
    const cpu::ConvBackwardWeightsTerms terms(ConvSizes(spec, x.shape(), dw.shape(), dy.shape()));
    if (accumulator.kind() == Accumulator::Kind::exact) return count_nan(cpu::exact_product(terms, dy, x, {}, dw, mode));
    count_nan(cpu::float64_product(terms, dy, x, {}, dw, mode));
}

}  // namespace taper
