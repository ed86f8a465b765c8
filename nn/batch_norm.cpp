#include <taper/nn/batch_norm.h>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/init.h>

namespace taper::nn {

BatchNorm::BatchNorm(const char* name, std::int64_t channels, const BatchNormOptions& options) : name_(name), channels_(channels), options_(options) {
    if (channels < 1) throw Error(fmt::format("{}: no channels: {} (want 1 or more)", name, channels));
    if (options.affine == AffineParameters::yes) {
        weight_ = &add_parameter("weight", init::constant({channels}, 1));
        bias_ = &add_parameter("bias", init::zeros({channels}));
    }
    if (options.track == RunningStatistics::no) return;
    mean_ = &add_buffer("running_mean", init::zeros({channels}));
    variance_ = &add_buffer("running_var", init::constant({channels}, 1));
    batches_ = &add_buffer("num_batches_tracked", Tensor::zeros({}, Format::int32()), InFiles::optional);
}

Variable BatchNorm::forward(const Variable& x, Activation then) {
    if (!fits(x.shape()) || x.size(1) != channels_) {
        throw Error(fmt::format("{}: x does not fit: x is {} (want {} channels, [N, C{}])", name_, x.shape().str(), channels_,
                                fits(Shape{1, 1}) ? "] or [N, C, L" : ", H, W"));
    }
    const core::NormSpec spec{.groups = 0, .eps = options_.eps};
    const Variable weight = weight_ ? weight_->variable : Variable(), bias = bias_ ? bias_->variable : Variable();
    if (!training() && mean_) {
        const core::Moments running{mean_->to(Format::float64()), variance_->to(Format::float64())};
        return activation(norm(x, running, Statistics::given, weight, bias, spec, precision().activations, then));
    }
    const std::int64_t n = x.value().elements() / channels_;
    if (training() && n == 1) throw Error(fmt::format("{}: one value a channel has no variance: x is {} (want more in training)", name_, x.shape().str()));
    const core::Moments moments = core::norm_moments(x.value(), spec);
    if (training() && mean_) track(moments, n);
    return activation(norm(x, moments, Statistics::of_x, weight, bias, spec, precision().activations, then));
}

// A read would wait for the device in every step.
std::int32_t BatchNorm::count_batch() {
    const bool own = counted_.storage.lock() == batches_->storage() && counted_.version == batches_->version();
    const std::int32_t count = (own ? counted_.batches : batches_->to_int32_vector()[0]) + 1;
    batches_->assign(Tensor::full({}, count, Format::int32(), batches_->device()));
    counted_ = {batches_->storage(), batches_->version(), count};
    return count;
}

void BatchNorm::track(const core::Moments& moments, std::int64_t n) {
    const std::int32_t count = count_batch();
    const double share = options_.momentum.value_or(1.0 / count), size = static_cast<double>(n);
    core::move_running(*mean_, moments.mean, share);
    core::move_running(*variance_, moments.variance, share, size / (size - 1));
}

}  // namespace taper::nn
