#include <taper/nn/linear.h>

#include <taper/nn/init.h>

namespace taper::nn {

Linear::Linear(std::int64_t in, std::int64_t out, Bias bias, Generator& generator)
    : weight_(add_parameter("weight", init::default_uniform({out, in}, in, generator))),
      bias_(bias == Bias::yes ? &add_parameter("bias", init::default_uniform({out}, in, generator)) : nullptr) {}

Variable Linear::forward(const Variable& x, Activation then) { return activation(linear(x, weight_.variable, bias_ ? bias_->variable : Variable(), product_options(then))); }

}  // namespace taper::nn
