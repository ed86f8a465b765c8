// Matrix products and convolutions: which driver takes a call.
#include <taper/cuda/backend.h>
#include <taper/cuda/sum_problem.h>

namespace taper::cuda {

namespace {

void sum_products(Runtime& runtime, const SumCall& call) {
    switch (call.accumulator.kind()) {
        case Accumulator::Kind::float32:
        case Accumulator::Kind::float64: return float_sums(runtime, call);
        case Accumulator::Kind::exact: return exact_sums(runtime, call);
        default:
            if (!rounded_sums(runtime, call)) serial_sums(runtime, call);
    }
}

}  // namespace

void CudaBackend::matmul(const MatmulShape& shape, const Accumulator& accumulator, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y,
                         const RoundingMode& mode) {
    sum_products(runtime_, {matmul_sums(shape), a, b, bias, accumulator, y, mode, decoded_});
}

void CudaBackend::conv2d(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y,
                         const RoundingMode& mode) {
    sum_products(runtime_, {conv2d_sums(ConvSizes(spec, x.shape(), w.shape(), y.shape())), w, x, bias, accumulator, y, mode, decoded_});
}

void CudaBackend::conv2d_backward_data(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& w, const Tensor& bias,
                                       Tensor& dx, const RoundingMode& mode) {
    sum_products(runtime_, {conv2d_backward_data_sums(ConvSizes(spec, dx.shape(), w.shape(), dy.shape())), w, dy, bias, accumulator, dx, mode, decoded_});
}

void CudaBackend::conv2d_backward_weights(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& x, Tensor& dw,
                                          const RoundingMode& mode) {
    sum_products(runtime_, {conv2d_backward_weights_sums(ConvSizes(spec, x.shape(), dw.shape(), dy.shape())), dy, x, {}, accumulator, dw, mode, decoded_});
}

}  // namespace taper::cuda
