#include <taper/nn/models/lenet5.h>

namespace taper::nn {

LeNet5::LeNet5(Generator& generator, std::int64_t classes)
    : conv1(1, 6, 5, {.padding = 2}, Bias::yes, generator),
      conv2(6, 16, 5, {}, Bias::yes, generator),
      conv3(16, 120, 5, {}, Bias::yes, generator),
      fc1(120, 84, Bias::yes, generator),
      fc2(84, classes, Bias::yes, generator) {
    add("conv1", conv1);
    add("conv2", conv2);
    add("conv3", conv3);
    add("fc1", fc1);
    add("fc2", fc2);
}

Variable LeNet5::features(const Variable& x) {
    Variable y = relu(max_pool2d(conv1(x)));  // [N, 6, 14, 14]
    y = relu(max_pool2d(conv2(y)));           // [N, 16, 5, 5]
    y = conv3.with_relu(y);                   // [N, 120, 1, 1]
    return fc1.with_relu(reshape(y, {x.size(0), 120}));
}

Variable LeNet5::forward(const Variable& x) { return fc2(features(x)); }

}  // namespace taper::nn
