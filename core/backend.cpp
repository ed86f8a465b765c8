#include <taper/core/backend.h>

#include <string>

#include <taper/formats/error.h>

namespace taper {

Backend& backend(const Device& device) {
    Backend* found = device.kind == Device::Kind::cuda ? cuda_backend(device.index) : device.index == 0 ? cpu_backend() : nullptr;
    if (found == nullptr) throw Error("device: it does not answer: " + device.name() + " (want cpu" + (cuda_backend() != nullptr ? " or cuda)" : "; this build or machine has no CUDA)"));
    return *found;
}

void Backend::no_kernel(const char* op, const Format& format) const {
    throw Error(std::string(op) + ": the " + name() + " backend has no kernel for " + format.name());
}

void Backend::run_in_one_launch(std::unique_ptr<OneLaunch::Kept>&, const std::function<void()>& work) { work(); }

void Backend::convert(const Tensor& x, Tensor&, const RoundingMode&) { no_kernel("convert", x.format()); }
void Backend::fill(Tensor& y, double) { no_kernel("fill", y.format()); }
void Backend::random(Tensor& y, bool, double, double, std::uint64_t, std::uint64_t) { no_kernel("random", y.format()); }
void Backend::unary(Unary op, double, const Tensor& x, Tensor&, const RoundingMode&) { no_kernel(taper::name(op), x.format()); }
void Backend::unary_backward(Unary op, double, const Tensor&, const Tensor& dy, Tensor&, const RoundingMode&) {
    no_kernel((std::string(taper::name(op)) + "_backward").c_str(), dy.format());
}
void Backend::binary(Binary op, const Tensor& a, const Tensor&, Tensor&, const RoundingMode&) { no_kernel(taper::name(op), a.format()); }
void Backend::binary_backward(Binary op, const Tensor&, const Tensor&, const Tensor& dy, int, Tensor&, const RoundingMode&) {
    no_kernel((std::string(taper::name(op)) + "_backward").c_str(), dy.format());
}
void Backend::copy_strided(const Tensor& src, const StridedView&, Tensor&, const StridedView&, const Shape&) { no_kernel("copy_strided", src.format()); }
void Backend::gather(const Tensor& x, int, const Tensor&, Tensor&) { no_kernel("gather", x.format()); }
void Backend::gather_backward(const Tensor& dy, int, const Tensor&, Tensor&, const RoundingMode&) { no_kernel("gather_backward", dy.format()); }
void Backend::reduce(core::Reduction, const Tensor& x, const ReduceShape&, Tensor&, const RoundingMode&) { no_kernel("reduce", x.format()); }
void Backend::argmax(const Tensor& x, const ReduceShape&, Tensor&) { no_kernel("argmax", x.format()); }
void Backend::softmax(Softmax, const Tensor& x, Tensor&, const RoundingMode&) { no_kernel("softmax", x.format()); }
void Backend::softmax_backward(Softmax, const Tensor& y, const Tensor&, Tensor&, const RoundingMode&) { no_kernel("softmax_backward", y.format()); }
void Backend::cross_entropy(const Tensor& logits, const Tensor&, double, Tensor&) { no_kernel("cross_entropy", logits.format()); }
void Backend::cross_entropy_backward(const Tensor& logits, const Tensor&, double, const Tensor&, Tensor&, const RoundingMode&) {
    no_kernel("cross_entropy_backward", logits.format());
}
void Backend::point_loss(core::PointLoss, const Tensor& x, const Tensor&, Tensor&) { no_kernel("point_loss", x.format()); }
void Backend::point_loss_backward(core::PointLoss, const Tensor& x, const Tensor&, const Tensor&, Tensor&, const RoundingMode&) {
    no_kernel("point_loss_backward", x.format());
}
void Backend::matmul(const MatmulShape&, const Accumulator&, const Tensor& a, const Tensor&, const Tensor&, Tensor&, const Epilogue&) {
    no_kernel("matmul", a.format());
}
void Backend::conv2d(const core::Conv2dSpec&, const Accumulator&, const Tensor& x, const Tensor&, const Tensor&, Tensor&, const Epilogue&) {
    no_kernel("conv2d", x.format());
}
void Backend::conv2d_backward_data(const core::Conv2dSpec&, const Accumulator&, const Tensor& dy, const Tensor&, const Tensor&, Tensor&, const Epilogue&) {
    no_kernel("conv2d_backward_data", dy.format());
}
void Backend::conv2d_backward_weights(const core::Conv2dSpec&, const Accumulator&, const Tensor& dy, const Tensor&, Tensor&, const Epilogue&) {
    no_kernel("conv2d_backward_weights", dy.format());
}
void Backend::max_pool2d(const core::Pool2dSpec&, const Tensor& x, Tensor&, Tensor&) { no_kernel("max_pool2d", x.format()); }
void Backend::max_pool2d_backward(const core::Pool2dSpec&, const Tensor& dy, const Tensor&, Tensor&, const RoundingMode&) {
    no_kernel("max_pool2d_backward", dy.format());
}
void Backend::avg_pool2d(const core::Pool2dSpec&, const Tensor& x, Tensor&, const RoundingMode&) { no_kernel("avg_pool2d", x.format()); }
void Backend::avg_pool2d_backward(const core::Pool2dSpec&, const Tensor& dy, Tensor&, const RoundingMode&) { no_kernel("avg_pool2d_backward", dy.format()); }
void Backend::adaptive_avg_pool2d(const Tensor& x, Tensor&, const RoundingMode&) { no_kernel("adaptive_avg_pool2d", x.format()); }
void Backend::adaptive_avg_pool2d_backward(const Tensor& dy, Tensor&, const RoundingMode&) { no_kernel("adaptive_avg_pool2d_backward", dy.format()); }
void Backend::gelu(core::GeluApproximation, const Tensor& x, Tensor&, const RoundingMode&) { no_kernel("gelu", x.format()); }
void Backend::gelu_backward(core::GeluApproximation, const Tensor& dy, const Tensor&, Tensor&, const RoundingMode&) { no_kernel("gelu_backward", dy.format()); }
void Backend::dropout_mask(std::int64_t, std::uint64_t, std::uint64_t, std::uint64_t, Tensor& mask) { no_kernel("dropout_mask", mask.format()); }
void Backend::dropout(const Tensor& x, const Tensor&, Tensor&) { no_kernel("dropout", x.format()); }
void Backend::norm_moments(const core::NormSpec&, const Tensor& x, core::Moments&) { no_kernel("norm", x.format()); }
void Backend::move_running(Tensor& running, const Tensor&, double, double) { no_kernel("move_running", running.format()); }
void Backend::norm(const core::NormSpec&, const Tensor& x, const core::Moments&, const Tensor&, const Tensor&, Tensor&, const Epilogue&) { no_kernel("norm", x.format()); }
void Backend::norm_backward_weights(const core::NormSpec&, const Tensor& dy, const Tensor&, const core::Moments&, core::NormSums&) {
    no_kernel("norm_backward_weights", dy.format());
}
void Backend::norm_backward_data(const core::NormSpec&, const Tensor& dy, const Tensor&, const core::Moments&, const Tensor&, const core::NormSums&, Tensor&, const RoundingMode&) {
    no_kernel("norm_backward_data", dy.format());
}
void Backend::sgd_step(const core::SgdStep&, core::StepWeights& weights, Tensor&, const Tensor&) { no_kernel("sgd_step", weights.weight.format()); }
void Backend::adam_step(const core::AdamStep&, core::StepWeights& weights, Tensor&, Tensor&, const Tensor&) { no_kernel("adam_step", weights.weight.format()); }

}  // namespace taper
