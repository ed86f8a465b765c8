#include <taper/nn/conv_transpose2d.h>

#include <taper/nn/conv2d.h>
#include <taper/nn/init.h>

namespace taper::nn {
namespace {

Shape weight_shape(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t groups) {
    check_groups("ConvTranspose2d", in, out, groups);
    return {in, out / groups, kernel, kernel};
}

}  // namespace

ConvTranspose2d::ConvTranspose2d(std::int64_t in, std::int64_t out, std::int64_t kernel, const ConvTranspose2dSpec& spec, Bias bias, Generator& generator)
    : spec_(spec),
      weight_(add_parameter("weight", init::default_uniform(weight_shape(in, out, kernel, spec.groups), out / spec.groups * kernel * kernel, generator))),
      bias_(bias == Bias::yes ? &add_parameter("bias", init::default_uniform({out}, out / spec.groups * kernel * kernel, generator)) : nullptr) {}

Variable ConvTranspose2d::forward(const Variable& x, Activation then) {
    return activation(conv_transpose2d(x, weight_.variable, bias_ ? bias_->variable : Variable(), spec_, product_options(then)));
}

}  // namespace taper::nn
