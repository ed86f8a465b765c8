// Matrix products and convolutions: which driver takes a call.
#include <taper/cuda/backend.h>
#include <taper/cuda/convolution.h>

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

void sum_convolution(Runtime& runtime, const SumCall& call, const ConvSizes& sizes, ConvDirection direction) {
    if (!library_convolution(runtime, call, sizes, direction)) sum_products(runtime, call);
}

}  // namespace

void CudaBackend::matmul(const MatmulShape& shape, const Accumulator& accumulator, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y,
                         const RoundingMode& mode) {
    sum_products(runtime_, {matmul_sums(shape), a, b, bias, accumulator, y, mode, decoded_});
}

void CudaBackend::conv2d(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y,
                         const RoundingMode& mode) {
    const ConvSizes sizes(spec, x.shape(), w.shape(), y.shape());
    sum_convolution(runtime_, {conv2d_sums(sizes), w, x, bias, accumulator, y, mode, decoded_}, sizes, ConvDirection::forward);
}

void CudaBackend::conv2d_backward_data(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& w, const Tensor& bias,
                                       Tensor& dx, const RoundingMode& mode) {
    const ConvSizes sizes(spec, dx.shape(), w.shape(), dy.shape());
    sum_convolution(runtime_, {conv2d_backward_data_sums(sizes), w, dy, bias, accumulator, dx, mode, decoded_}, sizes, ConvDirection::backward_data);
}

void CudaBackend::conv2d_backward_weights(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& x, Tensor& dw,
                                          const RoundingMode& mode) {
    const ConvSizes sizes(spec, x.shape(), dw.shape(), dy.shape());
    sum_convolution(runtime_, {conv2d_backward_weights_sums(sizes), dy, x, {}, accumulator, dw, mode, decoded_}, sizes, ConvDirection::backward_weights);
}

}  // namespace taper::cuda
