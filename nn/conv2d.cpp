#include <taper/nn/conv2d.h>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/init.h>

namespace taper::nn {
namespace {

Shape weight_shape(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t groups) {
    check_groups("Conv2d", in, out, groups);
    return {out, in / groups, kernel, kernel};
}

}  // namespace

void check_groups(const char* module, std::int64_t in, std::int64_t out, std::int64_t groups) {
    if (groups < 1 || in % groups != 0 || out % groups != 0)
        throw Error(fmt::format("{}: groups do not divide the channels: in {}, out {}, groups {} (want a divisor of both)", module, in, out, groups));
}

Conv2d::Conv2d(std::int64_t in, std::int64_t out, std::int64_t kernel, const Conv2dSpec& spec, Bias bias, Generator& generator)
    : spec_(spec),
      weight_(add_parameter("weight", init::default_uniform(weight_shape(in, out, kernel, spec.groups), in / spec.groups * kernel * kernel, generator))),
      bias_(bias == Bias::yes ? &add_parameter("bias", init::default_uniform({out}, in / spec.groups * kernel * kernel, generator)) : nullptr) {}

Variable Conv2d::forward(const Variable& x, Activation then) { return activation(conv2d(x, weight_.variable, bias_ ? bias_->variable : Variable(), spec_, product_options(then))); }

}  // namespace taper::nn
