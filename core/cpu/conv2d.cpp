// Convolution and its two gradients: which driver computes a call.
#include <cstring>

#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/correlate.h>
#include <taper/core/cpu/operand.h>
#include <taper/core/cpu/panel.h>
#include <taper/core/cpu/sums.h>

namespace taper {

namespace {

// Takes the call to a driver of sum_problem.h unless float32's fast one serves it; true if it did.
template <class MakeProblem>
bool sum_elsewhere(CpuBackend& backend, const cpu::SumCall& call, const Tensor& first, const Tensor& second, const Tensor& bias, const MakeProblem& problem) {
    if (cpu::sums_in_float64(call.accumulator, first, second, bias)) {
        backend.count_nan(cpu::float64_sums(problem.template operator()<double>(), call));
        return true;
    }
    if (call.accumulator.kind() == Accumulator::Kind::float32) return false;
    backend.count_nan(cpu::sum_products(call, problem));
    return true;
}

// The kernel covers the whole image: each output is one dot product, and the convolution a matrix product of [N, CRS] and [O, CRS].
bool is_matrix_product(const ConvSizes& z) { return z.groups == 1 && z.dilation == 1 && z.padding == 0 && z.h == z.r && z.w == z.s; }

// Each element of x [C] `times` times, one after the other; undefined x: undefined.
Tensor repeated(const Tensor& x, std::int64_t times) {
    if (!x.defined()) return {};
    Tensor y = Tensor::empty({x.size(0), times}, x.format());
    const int width = x.format().storage_bytes();
    for (std::int64_t i = 0; i < y.elements(); ++i)
        std::memcpy(at(y.mutable_data(), i, width), at(x.data(), i / times, width), static_cast<std::size_t>(width));
    return y.reshape({y.elements()});
}

Backend::MatmulShape matrix_product(std::int64_t m, std::int64_t n, std::int64_t k, bool transpose_a, bool transpose_b) {
    return {.batch = 1, .m = m, .n = n, .k = k, .a_offset = {0}, .b_offset = {0}, .transpose_a = transpose_a, .transpose_b = transpose_b};
}

}  // namespace

void CpuBackend::conv2d(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y,
                        const Epilogue& epilogue) {
    const ConvSizes z(spec, x.shape(), w.shape(), y.shape());
    const auto problem = [&]<class Real>() { return cpu::sum_problem<Real>(conv2d_sums(z), w, x, bias); };
    if (!sum_elsewhere(*this, {accumulator, w.format(), x.format(), y, epilogue}, x, w, bias, problem)) {
        if (is_matrix_product(z)) return matmul(matrix_product(z.n, z.o, z.c * z.r * z.s, false, true), accumulator, x, w, bias, y, epilogue);
        count_nan(cpu::correlate_forward(z, x, w, bias, y, epilogue));
    }
    finish(epilogue, y);
}

void CpuBackend::conv2d_backward_data(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& w, const Tensor& bias,
                                      Tensor& dx, const Epilogue& epilogue) {
    const ConvSizes z(spec, dx.shape(), w.shape(), dy.shape());
    const auto problem = [&]<class Real>() { return cpu::sum_problem<Real>(conv2d_backward_data_sums(z), w, dy, bias); };
    // The product leaves out the zeros around dy: no matter unless they meet a NaN or count as terms.
    const bool leaves_out = accumulator.kind() == Accumulator::Kind::float32 || cpu::ignores_zero_terms(accumulator);
    if (is_matrix_product(z) && leaves_out && w.format().exact_in_float32() && cpu::all_finite(w))
        return matmul(matrix_product(z.n, z.c * z.r * z.s, z.o, false, false), accumulator, dy, w, repeated(bias, z.r * z.s), dx, epilogue);
    if (!sum_elsewhere(*this, {accumulator, w.format(), dy.format(), dx, epilogue}, dy, w, bias, problem))
        count_nan(cpu::correlate_backward_data(z, dy, w, bias, dx, epilogue));
    finish(epilogue, dx);
}

void CpuBackend::conv2d_backward_weights(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& x, Tensor& dw,
                                         const Epilogue& epilogue) {
    const ConvSizes z(spec, x.shape(), dw.shape(), dy.shape());
    const auto problem = [&]<class Real>() { return cpu::sum_problem<Real>(conv2d_backward_weights_sums(z), dy, x, {}); };
    if (!sum_elsewhere(*this, {accumulator, dy.format(), x.format(), dw, epilogue}, dy, x, {}, problem)) {
        if (is_matrix_product(z)) return matmul(matrix_product(z.o, z.c * z.r * z.s, z.n, true, false), accumulator, dy, x, {}, dw, epilogue);
        count_nan(cpu::correlate_backward_weights(z, dy, x, dw, epilogue));
    }
    finish(epilogue, dw);
}

}  // namespace taper
