#include <taper/nn/init.h>

#include <cmath>

#include <fmt/format.h>

#include <taper/core/ops.h>
#include <taper/formats/error.h>

namespace taper::nn::init {
namespace {

std::int64_t fan(const Shape& shape, int axis) {
    if (shape.rank() < 2) throw Error(fmt::format("init: too few axes for a fan: {} (want [out, in, ...])", shape.str()));
    std::int64_t count = shape[axis];
    for (int a = 2; a < shape.rank(); ++a) count *= shape[a];
    return count;
}

Tensor symmetric(const Shape& shape, double bound, Generator& generator) {
    return uniform(shape, -bound, bound, {}, Device::cpu(), generator).to(default_device());
}

double both_fans(const Shape& shape) { return static_cast<double>(fan_in(shape) + fan_out(shape)); }

}  // namespace

std::int64_t fan_in(const Shape& shape) { return fan(shape, 1); }
std::int64_t fan_out(const Shape& shape) { return fan(shape, 0); }

Tensor default_uniform(const Shape& shape, std::int64_t fan_in, Generator& generator) {
    return symmetric(shape, 1 / std::sqrt(static_cast<double>(fan_in)), generator);
}
Tensor xavier_uniform(const Shape& shape, double gain, Generator& generator) { return symmetric(shape, gain * std::sqrt(6 / both_fans(shape)), generator); }
Tensor xavier_normal(const Shape& shape, double gain, Generator& generator) { return normal(shape, gain * std::sqrt(2 / both_fans(shape)), generator); }
Tensor kaiming_uniform(const Shape& shape, double gain, Generator& generator) {
    return symmetric(shape, gain * std::sqrt(3 / static_cast<double>(fan_in(shape))), generator);
}
Tensor kaiming_normal(const Shape& shape, double gain, Generator& generator) {
    return normal(shape, gain / std::sqrt(static_cast<double>(fan_in(shape))), generator);
}
Tensor normal(const Shape& shape, double deviation, Generator& generator) {
    return core::unary(Unary::scale, randn(shape, {}, Device::cpu(), generator), deviation).to(default_device());
}
Tensor zeros(const Shape& shape) { return Tensor::zeros(shape); }
Tensor constant(const Shape& shape, double value) { return Tensor::full(shape, value); }

}  // namespace taper::nn::init
