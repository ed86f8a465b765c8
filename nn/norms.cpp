#include <taper/nn/norms.h>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/init.h>

namespace taper::nn {
namespace {

Variable variable_of(Parameter* parameter) { return parameter ? parameter->variable : Variable(); }

}  // namespace

LayerNorm::LayerNorm(const Shape& shape, const NormOptions& options) : shape_(shape), eps_(options.eps) {
    if (options.affine == AffineParameters::no) return;
    weight_ = &add_parameter("weight", init::constant(shape, 1));
    bias_ = &add_parameter("bias", init::zeros(shape));
}

Variable LayerNorm::forward(const Variable& x, Activation then) {
    return activation(layer_norm(x, shape_, variable_of(weight_), variable_of(bias_), eps_, precision().activations, then));
}

GroupNorm::GroupNorm(std::int64_t groups, std::int64_t channels, const NormOptions& options) : groups_(groups), channels_(channels), eps_(options.eps) {
    if (groups < 1 || channels < 1 || channels % groups != 0) {
        throw Error(fmt::format("GroupNorm: groups do not divide the channels: channels {}, groups {} (want a divisor)", channels, groups));
    }
    if (options.affine == AffineParameters::no) return;
    weight_ = &add_parameter("weight", init::constant({channels}, 1));
    bias_ = &add_parameter("bias", init::zeros({channels}));
}

Variable GroupNorm::forward(const Variable& x, Activation then) {
    if (x.value().rank() < 2 || x.size(1) != channels_) {
        throw Error(fmt::format("GroupNorm: x does not fit: x is {} (want {} channels, [N, C, ...])", x.shape().str(), channels_));
    }
    return activation(group_norm(x, groups_, variable_of(weight_), variable_of(bias_), eps_, precision().activations, then));
}

}  // namespace taper::nn
