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
        case Accumulator::Kind::chunked:
            if (call.accumulator.inner().kind() == Accumulator::Kind::exact) return register_sums(runtime, call);
            [[fallthrough]];
        default:
            if (!rounded_sums(runtime, call) && !stepped_sums(runtime, call)) general_sums(runtime, call);
    }
}

void sum_convolution(Runtime& runtime, const SumCall& call, const ConvSizes& sizes, ConvDirection direction) {
    if (!library_convolution(runtime, call, sizes, direction)) sum_products(runtime, call);
}

}  // namespace

void CudaBackend::matmul(const MatmulShape& shape, const Accumulator& accumulator, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y,
                         const Epilogue& epilogue) {
    sum_products(runtime_, {matmul_sums(shape), a, b, bias, accumulator, y, epilogue, decoded_});
    finish(epilogue, y);
}

void CudaBackend::conv2d(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y,
                         const Epilogue& epilogue) {
    const ConvSizes sizes(spec, x.shape(), w.shape(), y.shape());
    std::optional<core::Moments> moments;
    std::optional<core::Moments>* const wanted = normed_.wanted(w, ConvDirection::forward) ? &moments : nullptr;
    sum_convolution(runtime_, {conv2d_sums(sizes), w, x, bias, accumulator, y, epilogue, decoded_, wanted}, sizes, ConvDirection::forward);
    finish(epilogue, y);
    normed_.produced(w, ConvDirection::forward, y, std::move(moments));
}

void CudaBackend::conv2d_backward_data(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& w, const Tensor& bias,
                                       Tensor& dx, const Epilogue& epilogue) {
    const ConvSizes sizes(spec, dx.shape(), w.shape(), dy.shape());
    std::optional<core::Moments> moments;
    std::optional<core::Moments>* const wanted = normed_.wanted(w, ConvDirection::backward_data) ? &moments : nullptr;
    sum_convolution(runtime_, {conv2d_backward_data_sums(sizes), w, dy, bias, accumulator, dx, epilogue, decoded_, wanted}, sizes, ConvDirection::backward_data);
    finish(epilogue, dx);
    normed_.produced(w, ConvDirection::backward_data, dx, std::move(moments));
}

void CudaBackend::conv2d_backward_weights(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& x, Tensor& dw,
                                          const Epilogue& epilogue) {
    const ConvSizes sizes(spec, x.shape(), dw.shape(), dy.shape());
    sum_convolution(runtime_, {conv2d_backward_weights_sums(sizes), dy, x, {}, accumulator, dw, epilogue, decoded_}, sizes, ConvDirection::backward_weights);
    finish(epilogue, dw);
}

}  // namespace taper::cuda
