// CudaBackend: core/backend.h for one NVIDIA GPU.  Each kernel family is one file of this folder, named as in core/cpu.
#pragma once

#include <taper/core/backend.h>
#include <taper/core/cpu/code_facts.h>
#include <taper/cuda/decoded.h>
#include <taper/cuda/normed.h>
#include <taper/cuda/runtime.h>

namespace taper::cuda {

class CudaBackend final : public Backend {
  public:
    explicit CudaBackend(int index) : runtime_(index) {
        runtime_.set_make_room([this] { decoded_.clear(); });
    }
    const char* name() const override { return "cuda"; }
    Runtime& runtime() { return runtime_; }
    DecodedCache& decoded() { return decoded_; }
    NormedResults& normed() { return normed_; }

    // backend.cu
    void* allocate(std::size_t bytes) override;
    void release(void* block, std::size_t bytes) noexcept override;
    void keep_released(bool on) override {
        decoded_.keep(on);
        runtime_.keep(on);
    }
    void copy_in(const void* host, void* device, std::size_t bytes) override { runtime_.copy_in(host, device, bytes); }
    void copy_out(const void* device, void* host, std::size_t bytes) override { runtime_.copy_out(device, host, bytes); }
    void synchronize() override { runtime_.synchronize(); }
    std::size_t take_nan_count() override { return runtime_.take_nan_count(); }
    void run_in_one_launch(std::unique_ptr<OneLaunch::Kept>& kept, const std::function<void()>& work) override { runtime_.run_in_one_launch(kept, work); }

    // convert.cu
    void convert(const Tensor& x, Tensor& y, const RoundingMode& mode) override;
    void fill(Tensor& y, double value) override;
    void random(Tensor& y, bool normal, double low, double high, std::uint64_t seed, std::uint64_t stream) override;

    // move.cu
    void copy_strided(const Tensor& src, const StridedView& from, Tensor& dst, const StridedView& to, const Shape& extent) override;
    void gather(const Tensor& x, int axis, const Tensor& index, Tensor& y) override;
    void gather_backward(const Tensor& dy, int axis, const Tensor& index, Tensor& dx, const RoundingMode& mode) override;

    // elementwise_unary.cu, elementwise_binary.cu, elementwise_backward.cu
    void unary(Unary op, double a, const Tensor& x, Tensor& y, const RoundingMode& mode) override;
    void unary_backward(Unary op, double a, const Tensor& saved, const Tensor& dy, Tensor& dx, const RoundingMode& mode) override;
    void binary(Binary op, const Tensor& a, const Tensor& b, Tensor& y, const RoundingMode& mode) override;
    void binary_backward(Binary op, const Tensor& a, const Tensor& b, const Tensor& dy, int operand, Tensor& dx, const RoundingMode& mode) override;

    // reduce.cu
    void reduce(core::Reduction kind, const Tensor& x, const ReduceShape& shape, Tensor& y, const RoundingMode& mode) override;
    void argmax(const Tensor& x, const ReduceShape& shape, Tensor& y) override;

    // softmax.cu
    void softmax(Softmax kind, const Tensor& x, Tensor& y, const RoundingMode& mode) override;
    void softmax_backward(Softmax kind, const Tensor& y, const Tensor& dy, Tensor& dx, const RoundingMode& mode) override;
    void cross_entropy(const Tensor& logits, const Tensor& labels, double label_smoothing, Tensor& loss) override;
    void cross_entropy_backward(const Tensor& logits, const Tensor& labels, double label_smoothing, const Tensor& dloss, Tensor& dx, const RoundingMode& mode) override;

    // losses.cu
    void point_loss(core::PointLoss kind, const Tensor& x, const Tensor& target, Tensor& loss) override;
    void point_loss_backward(core::PointLoss kind, const Tensor& x, const Tensor& target, const Tensor& dloss, Tensor& dx, const RoundingMode& mode) override;

    // matmul.cu
    void matmul(const MatmulShape& shape, const Accumulator& accumulator, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y,
                const Epilogue& epilogue) override;
    void conv2d(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y,
                const Epilogue& epilogue) override;
    void conv2d_backward_data(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& w, const Tensor& bias, Tensor& dx,
                              const Epilogue& epilogue) override;
    void conv2d_backward_weights(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& x, Tensor& dw,
                                 const Epilogue& epilogue) override;

    // pool.cu
    void max_pool2d(const core::Pool2dSpec& spec, const Tensor& x, Tensor& y, Tensor& index) override;
    void max_pool2d_backward(const core::Pool2dSpec& spec, const Tensor& dy, const Tensor& index, Tensor& dx, const RoundingMode& mode) override;
    void avg_pool2d(const core::Pool2dSpec& spec, const Tensor& x, Tensor& y, const RoundingMode& mode) override;
    void avg_pool2d_backward(const core::Pool2dSpec& spec, const Tensor& dy, Tensor& dx, const RoundingMode& mode) override;
    void adaptive_avg_pool2d(const Tensor& x, Tensor& y, const RoundingMode& mode) override;
    void adaptive_avg_pool2d_backward(const Tensor& dy, Tensor& dx, const RoundingMode& mode) override;

    // gelu.cu, dropout.cu
    void gelu(core::GeluApproximation approximation, const Tensor& x, Tensor& y, const RoundingMode& mode) override;
    void gelu_backward(core::GeluApproximation approximation, const Tensor& dy, const Tensor& x, Tensor& dx, const RoundingMode& mode) override;
    void dropout_mask(std::int64_t n, std::uint64_t threshold, std::uint64_t seed, std::uint64_t stream, Tensor& mask) override;
    void dropout(const Tensor& x, const Tensor& mask, Tensor& y) override;

    // norm.cu
    void norm_moments(const core::NormSpec& spec, const Tensor& x, core::Moments& moments) override;
    void move_running(Tensor& running, const Tensor& value, double share, double factor) override;
    void norm(const core::NormSpec& spec, const Tensor& x, const core::Moments& moments, const Tensor& weight, const Tensor& bias, Tensor& y, const Epilogue& epilogue) override;
    void norm_backward_weights(const core::NormSpec& spec, const Tensor& dy, const Tensor& x, const core::Moments& moments, core::NormSums& sums) override;
    void norm_backward_data(const core::NormSpec& spec, const Tensor& dy, const Tensor& x, const core::Moments& moments, const Tensor& weight, const core::NormSums& sums,
                            Tensor& dx, const RoundingMode& mode) override;

    // sgd.cu, adam.cu
    void sgd_step(const core::SgdStep& step, core::StepWeights& weights, Tensor& velocity, const Tensor& gradient) override;
    void adam_step(const core::AdamStep& step, core::StepWeights& weights, Tensor& mean, Tensor& square, const Tensor& gradient) override;

  private:
    void finish(const Epilogue& epilogue, Tensor& y) {  // a ReLU that Result could not clear by codes
        if (epilogue.relu && !code_facts(y.format()).ranges) unary(Unary::relu, 0, y, y, {});
    }

    Runtime runtime_;
    DecodedCache decoded_{runtime_};
    NormedResults normed_{runtime_};
};

}  // namespace taper::cuda
