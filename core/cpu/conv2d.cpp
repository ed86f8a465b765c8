// Convolution and its two gradients: which driver computes a call.
#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/correlate.h>

namespace taper {

namespace {

bool is_exact(const Accumulator& accumulator) { return accumulator.kind() == Accumulator::Kind::exact; }

// The kernel covers the whole image: each output is one dot product, and the convolution a matrix product of [N, CRS] and [O, CRS].
bool is_matrix_product(const cpu::ConvSizes& z) { return z.padding == 0 && z.h == z.r && z.w == z.s; }

Backend::MatmulShape matrix_product(std::int64_t m, std::int64_t n, std::int64_t k, bool transpose_a, bool transpose_b) {
    return {.batch = 1, .m = m, .n = n, .k = k, .a_offset = {0}, .b_offset = {0}, .transpose_a = transpose_a, .transpose_b = transpose_b};
}

}  // namespace

void CpuBackend::conv2d(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y,
                        const RoundingMode& mode) {
    const cpu::ConvSizes z(spec, x.shape(), w.shape(), y.shape());
    if (is_exact(accumulator)) return count_nan(cpu::exact_product(cpu::ConvTerms(z), x, w, bias, y, mode));
    if (cpu::sums_in_float64(x, w, bias)) return count_nan(cpu::float64_product(cpu::ConvTerms(z), x, w, bias, y, mode));
    if (is_matrix_product(z)) return matmul(matrix_product(z.n, z.o, z.c * z.r * z.s, false, true), accumulator, x, w, bias, y, mode);
    count_nan(cpu::correlate_forward(z, x, w, bias, y, mode));
}

void CpuBackend::conv2d_backward_data(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& w, Tensor& dx,
                                      const RoundingMode& mode) {
    const cpu::ConvSizes z(spec, dx.shape(), w.shape(), dy.shape());
    if (is_exact(accumulator)) return count_nan(cpu::exact_product(cpu::ConvBackwardDataTerms(z), dy, w, {}, dx, mode));
    if (cpu::sums_in_float64(dy, w, {})) return count_nan(cpu::float64_product(cpu::ConvBackwardDataTerms(z), dy, w, {}, dx, mode));
    if (is_matrix_product(z)) return matmul(matrix_product(z.n, z.c * z.r * z.s, z.o, false, false), accumulator, dy, w, {}, dx, mode);
    count_nan(cpu::correlate_backward_data(z, dy, w, dx, mode));
}

void CpuBackend::conv2d_backward_weights(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& x, Tensor& dw,
                                         const RoundingMode& mode) {
    const cpu::ConvSizes z(spec, x.shape(), dw.shape(), dy.shape());
    if (is_exact(accumulator)) return count_nan(cpu::exact_product(cpu::ConvBackwardWeightsTerms(z), dy, x, {}, dw, mode));
    if (cpu::sums_in_float64(dy, x, {})) return count_nan(cpu::float64_product(cpu::ConvBackwardWeightsTerms(z), dy, x, {}, dw, mode));
    if (is_matrix_product(z)) return matmul(matrix_product(z.o, z.c * z.r * z.s, z.n, true, false), accumulator, dy, x, {}, dw, mode);
    count_nan(cpu::correlate_backward_weights(z, dy, x, dw, mode));
}

}  // namespace taper
