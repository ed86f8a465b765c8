// CpuBackend: the reference backend.  Each kernel family is one file of this folder.
#pragma once

#include <atomic>

#include <taper/core/backend.h>
#include <taper/core/block_cache.h>

namespace taper {

class CpuBackend final : public Backend {
  public:
    CpuBackend();
    const char* name() const override { return "cpu"; }

    // memory.cpp
    void* allocate(std::size_t bytes) override;
    void release(void* block, std::size_t bytes) noexcept override;
    void keep_released(bool on) override { cache_.keep(on); }
    void copy_in(const void* host, void* device, std::size_t bytes) override;
    void copy_out(const void* device, void* host, std::size_t bytes) override;
    void synchronize() override {}
    std::size_t take_nan_count() override { return nan_count_.exchange(0); }
    void count_nan(std::size_t n) { if (n != 0) nan_count_ += n; }  // kernels report what encode() returned

    // convert.cpp
    void convert(const Tensor& x, Tensor& y, const RoundingMode& mode) override;
    void fill(Tensor& y, double value) override;
    void random(Tensor& y, bool normal, double low, double high, std::uint64_t seed, std::uint64_t stream) override;

    // move.cpp
    void copy_strided(const Tensor& src, const StridedView& from, Tensor& dst, const StridedView& to, const Shape& extent) override;
    void gather(const Tensor& x, int axis, const Tensor& index, Tensor& y) override;
    void gather_backward(const Tensor& dy, int axis, const Tensor& index, Tensor& dx, const RoundingMode& mode) override;

    // elementwise.cpp
    void unary(Unary op, double a, const Tensor& x, Tensor& y, const RoundingMode& mode) override;
    void unary_backward(Unary op, double a, const Tensor& saved, const Tensor& dy, Tensor& dx, const RoundingMode& mode) override;
    void binary(Binary op, const Tensor& a, const Tensor& b, Tensor& y, const RoundingMode& mode) override;
    void binary_backward(Binary op, const Tensor& a, const Tensor& b, const Tensor& dy, int operand, Tensor& dx, const RoundingMode& mode) override;

    // reduce.cpp
    void reduce(core::Reduction kind, const Tensor& x, const ReduceShape& shape, Tensor& y, const RoundingMode& mode) override;
    void argmax(const Tensor& x, const ReduceShape& shape, Tensor& y) override;

    // softmax.cpp
    void softmax(Softmax kind, const Tensor& x, Tensor& y, const RoundingMode& mode) override;
    void softmax_backward(Softmax kind, const Tensor& y, const Tensor& dy, Tensor& dx, const RoundingMode& mode) override;
    void cross_entropy(const Tensor& logits, const Tensor& labels, double label_smoothing, Tensor& loss) override;
    void cross_entropy_backward(const Tensor& logits, const Tensor& labels, double label_smoothing, const Tensor& dloss, Tensor& dx, const RoundingMode& mode) override;

    // losses.cpp
    void point_loss(core::PointLoss kind, const Tensor& x, const Tensor& target, Tensor& loss) override;
    void point_loss_backward(core::PointLoss kind, const Tensor& x, const Tensor& target, const Tensor& dloss, Tensor& dx, const RoundingMode& mode) override;

    // matmul.cpp, conv2d.cpp
    void matmul(const MatmulShape& shape, const Accumulator& accumulator, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y,
                const Epilogue& epilogue) override;
    void conv2d(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y,
                const Epilogue& epilogue) override;
    void conv2d_backward_data(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& w, const Tensor& bias, Tensor& dx,
                              const Epilogue& epilogue) override;
    void conv2d_backward_weights(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& x, Tensor& dw,
                                 const Epilogue& epilogue) override;

    // pool.cpp
    void max_pool2d(const core::Pool2dSpec& spec, const Tensor& x, Tensor& y, Tensor& index) override;
    void max_pool2d_backward(const core::Pool2dSpec& spec, const Tensor& dy, const Tensor& index, Tensor& dx, const RoundingMode& mode) override;
    void avg_pool2d(const core::Pool2dSpec& spec, const Tensor& x, Tensor& y, const RoundingMode& mode) override;
    void avg_pool2d_backward(const core::Pool2dSpec& spec, const Tensor& dy, Tensor& dx, const RoundingMode& mode) override;

    // adaptive_pool.cpp
    void adaptive_avg_pool2d(const Tensor& x, Tensor& y, const RoundingMode& mode) override;
    void adaptive_avg_pool2d_backward(const Tensor& dy, Tensor& dx, const RoundingMode& mode) override;

    // gelu.cpp
    void gelu(core::GeluApproximation approximation, const Tensor& x, Tensor& y, const RoundingMode& mode) override;
    void gelu_backward(core::GeluApproximation approximation, const Tensor& dy, const Tensor& x, Tensor& dx, const RoundingMode& mode) override;

    // dropout.cpp
    void dropout_mask(std::int64_t n, std::uint64_t threshold, std::uint64_t seed, std::uint64_t stream, Tensor& mask) override;
    void dropout(const Tensor& x, const Tensor& mask, Tensor& y) override;

    // norm.cpp, norm_backward.cpp
    void norm_moments(const core::NormSpec& spec, const Tensor& x, core::Moments& moments) override;
    void move_running(Tensor& running, const Tensor& value, double share, double factor) override;
    void norm(const core::NormSpec& spec, const Tensor& x, const core::Moments& moments, const Tensor& weight, const Tensor& bias, Tensor& y, const Epilogue& epilogue) override;
    void norm_backward_weights(const core::NormSpec& spec, const Tensor& dy, const Tensor& x, const core::Moments& moments, core::NormSums& sums) override;
    void norm_backward_data(const core::NormSpec& spec, const Tensor& dy, const Tensor& x, const core::Moments& moments, const Tensor& weight, const core::NormSums& sums,
                            Tensor& dx, const RoundingMode& mode) override;

    // sgd.cpp, adam.cpp
    void sgd_step(const core::SgdStep& step, core::StepWeights& weights, Tensor& velocity, const Tensor& gradient) override;
    void adam_step(const core::AdamStep& step, core::StepWeights& weights, Tensor& mean, Tensor& square, const Tensor& gradient) override;

  private:
    void finish(const Epilogue& epilogue, Tensor& y) {  // what follows the rounding
        if (epilogue.relu) unary(Unary::relu, 0, y, y, {});
    }

    std::atomic<std::size_t> nan_count_{0};
    BlockCache cache_;
};

}  // namespace taper
