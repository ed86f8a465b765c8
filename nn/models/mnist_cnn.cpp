#include <taper/nn/models/mnist_cnn.h>

namespace taper::nn {

MnistCnn::MnistCnn(Generator& generator, std::int64_t classes)
    : conv1(1, 10, 5, {}, Bias::yes, generator),
      conv2(10, 20, 5, {}, Bias::yes, generator),
      fc1(320, 50, Bias::yes, generator),
      fc2(50, classes, Bias::yes, generator) {
    add("conv1", conv1);
    add("conv2", conv2);
    add("fc1", fc1);
    add("fc2", fc2);
}

Variable MnistCnn::forward(const Variable& x) {
    Variable y = relu(max_pool2d(conv1(x)));  // [N, 10, 12, 12]
    y = relu(max_pool2d(conv2(y)));           // [N, 20, 4, 4]
    y = fc1.with_relu(reshape(y, {x.size(0), 320}));
    return fc2(y);
}

}  // namespace taper::nn
