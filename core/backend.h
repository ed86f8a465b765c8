// Backend: memory and kernels of one device, in stream order.  core/ops checks and allocates; a backend fills `y`.
// A kernel that a backend lacks says so: the defaults here throw Error "matmul: the NAME backend has no kernel for ...".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include <taper/core/one_launch.h>
#include <taper/core/ops.h>
#include <taper/core/steps.h>

namespace taper {

// What becomes of a finished sum: it is rounded into y, and where `relu` y = max(y, 0) then, NaN staying.
struct Epilogue : RoundingMode {
    bool relu = false;
};

class Backend {
  public:
    virtual ~Backend() = default;
    virtual const char* name() const = 0;

    // --- memory
    virtual void* allocate(std::size_t bytes) = 0;  // 64-byte aligned, never null for bytes > 0; throws Error when there is none
    virtual void release(void* block, std::size_t bytes) noexcept = 0;
    virtual void keep_released(bool) {}  // whether released blocks are kept for reuse; false also gives back those kept
    virtual void copy_in(const void* host, void* device, std::size_t bytes) = 0;
    virtual void copy_out(const void* device, void* host, std::size_t bytes) = 0;  // waits until the work before it is done
    virtual void synchronize() = 0;
    // NaN that met a format without a code for it since the last call (sticky; resets).
    virtual std::size_t take_nan_count() = 0;
    // What a OneLaunch calls; `kept` is null the first time.
    virtual void run_in_one_launch(std::unique_ptr<OneLaunch::Kept>& kept, const std::function<void()>& work);

    // --- kernels.  Shapes and formats have been checked; y is allocated, contiguous, in the format to round into.
    virtual void convert(const Tensor& x, Tensor& y, const RoundingMode& mode);
    virtual void fill(Tensor& y, double value);
    virtual void random(Tensor& y, bool normal, double low, double high, std::uint64_t seed, std::uint64_t stream);
    virtual void unary(Unary op, double a, const Tensor& x, Tensor& y, const RoundingMode& mode);
    virtual void unary_backward(Unary op, double a, const Tensor& saved, const Tensor& dy, Tensor& dx, const RoundingMode& mode);
    virtual void binary(Binary op, const Tensor& a, const Tensor& b, Tensor& y, const RoundingMode& mode);  // broadcasts to y's shape
    virtual void binary_backward(Binary op, const Tensor& a, const Tensor& b, const Tensor& dy, int operand, Tensor& dx, const RoundingMode& mode);  // dx has dy's shape
    // dst[dst_offset + sum i_k dst_strides_k] = src[src_offset + sum i_k src_strides_k] over `extent`; codes are moved unchanged.
    struct StridedView {
        std::int64_t offset = 0;
        std::vector<std::int64_t> strides;
    };
    virtual void copy_strided(const Tensor& src, const StridedView& from, Tensor& dst, const StridedView& to, const Shape& extent);
    virtual void gather(const Tensor& x, int axis, const Tensor& index, Tensor& y);
    virtual void gather_backward(const Tensor& dy, int axis, const Tensor& index, Tensor& dx, const RoundingMode& mode);
    // x seen as [outer, n, inner], reduced over n.
    struct ReduceShape {
        std::int64_t outer, n, inner;
    };
    virtual void reduce(core::Reduction kind, const Tensor& x, const ReduceShape& shape, Tensor& y, const RoundingMode& mode);
    virtual void argmax(const Tensor& x, const ReduceShape& shape, Tensor& y);
    enum class Softmax : std::uint8_t { softmax, log_softmax };
    virtual void softmax(Softmax kind, const Tensor& x, Tensor& y, const RoundingMode& mode);
    virtual void softmax_backward(Softmax kind, const Tensor& y, const Tensor& dy, Tensor& dx, const RoundingMode& mode);
    virtual void cross_entropy(const Tensor& logits, const Tensor& labels, double label_smoothing, Tensor& loss);
    virtual void cross_entropy_backward(const Tensor& logits, const Tensor& labels, double label_smoothing, const Tensor& dloss, Tensor& dx, const RoundingMode& mode);
    virtual void point_loss(core::PointLoss kind, const Tensor& x, const Tensor& target, Tensor& loss);
    virtual void point_loss_backward(core::PointLoss kind, const Tensor& x, const Tensor& target, const Tensor& dloss, Tensor& dx, const RoundingMode& mode);
    // a, b, y seen as batches of matrices; stride 0 repeats an operand's matrix.
    struct MatmulShape {
        std::int64_t batch, m, n, k;
        std::vector<std::int64_t> a_offset, b_offset;  // per batch entry, in elements
        bool transpose_a, transpose_b;
    };
    virtual void matmul(const MatmulShape& shape, const Accumulator& accumulator, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y, const Epilogue& epilogue);
    virtual void conv2d(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y, const Epilogue& epilogue);
    virtual void conv2d_backward_data(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& w, const Tensor& bias, Tensor& dx, const Epilogue& epilogue);
    virtual void conv2d_backward_weights(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& x, Tensor& dw, const Epilogue& epilogue);
    virtual void max_pool2d(const core::Pool2dSpec& spec, const Tensor& x, Tensor& y, Tensor& index);
    virtual void max_pool2d_backward(const core::Pool2dSpec& spec, const Tensor& dy, const Tensor& index, Tensor& dx, const RoundingMode& mode);
    virtual void avg_pool2d(const core::Pool2dSpec& spec, const Tensor& x, Tensor& y, const RoundingMode& mode);
    virtual void avg_pool2d_backward(const core::Pool2dSpec& spec, const Tensor& dy, Tensor& dx, const RoundingMode& mode);
    virtual void adaptive_avg_pool2d(const Tensor& x, Tensor& y, const RoundingMode& mode);
    virtual void adaptive_avg_pool2d_backward(const Tensor& dy, Tensor& dx, const RoundingMode& mode);
    virtual void gelu(core::GeluApproximation approximation, const Tensor& x, Tensor& y, const RoundingMode& mode);
    virtual void gelu_backward(core::GeluApproximation approximation, const Tensor& dy, const Tensor& x, Tensor& dx, const RoundingMode& mode);
    virtual void dropout_mask(std::int64_t n, std::uint64_t threshold, std::uint64_t seed, std::uint64_t stream, Tensor& mask);  // kept: draw < threshold
    virtual void dropout(const Tensor& x, const Tensor& mask, Tensor& y);                                                       // y in x's format
    virtual void norm_moments(const core::NormSpec& spec, const Tensor& x, core::Moments& moments);
    virtual void move_running(Tensor& running, const Tensor& value, double share, double factor);
    virtual void norm(const core::NormSpec& spec, const Tensor& x, const core::Moments& moments, const Tensor& weight, const Tensor& bias, Tensor& y, const Epilogue& epilogue);
    virtual void norm_backward_weights(const core::NormSpec& spec, const Tensor& dy, const Tensor& x, const core::Moments& moments, core::NormSums& sums);
    virtual void norm_backward_data(const core::NormSpec& spec, const Tensor& dy, const Tensor& x, const core::Moments& moments, const Tensor& weight, const core::NormSums& sums,
                                    Tensor& dx, const RoundingMode& mode);
    virtual void sgd_step(const core::SgdStep& step, core::StepWeights& weights, Tensor& velocity, const Tensor& gradient);
    virtual void adam_step(const core::AdamStep& step, core::StepWeights& weights, Tensor& mean, Tensor& square, const Tensor& gradient);

  protected:
    [[noreturn]] void no_kernel(const char* op, const Format& format) const;
};

Backend& backend(const Device& device);  // throws Error where the device does not answer
Backend* cpu_backend();
Backend* cuda_backend(int index = 0);  // null where this build or machine has no such GPU (cuda/none.cpp)

}  // namespace taper
