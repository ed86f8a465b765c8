#include <taper/nn/models/resnet9.h>

namespace taper::nn {
namespace {

void add_pair(Sequential& pair, std::int64_t channels, Generator& generator) {
    for (int i = 0; i < 2; ++i) pair.emplace<ConvNormReLU>(channels, channels, generator);
}

}  // namespace

ResNet9::ResNet9(std::int64_t classes, Generator& generator)
    : conv1(3, 64, generator),
      conv2(64, 128, generator),
      conv3(128, 256, generator),
      conv4(256, 512, generator),
      conv5(512, 1028, generator),
      linear(1028, classes, Bias::yes, generator) {
    add_pair(res1, 128, generator);
    add_pair(res2, 512, generator);
    add_pair(res3, 1028, generator);
    add("conv1", conv1);
    add("conv2", conv2);
    add("res1", res1);
    add("conv3", conv3);
    add("conv4", conv4);
    add("res2", res2);
    add("conv5", conv5);
    add("res3", res3);
    add("linear", linear);
}

Variable ResNet9::residual(Sequential& pair, const Variable& x) { return round("unit", round("residual", pair(x)) + round("shortcut", x)); }

Variable ResNet9::forward(const Variable& x) {
    Variable y = round("unit", conv1(x));
    y = round("unit", max_pool2d(conv2(y)));
    y = residual(res1, y);  // [N, 128, 16, 16]
    y = round("unit", max_pool2d(conv3(y)));
    y = round("unit", max_pool2d(conv4(y)));
    y = residual(res2, y);  // [N, 512, 4, 4]
    y = round("unit", max_pool2d(conv5(y)));
    y = max_pool2d(residual(res3, y));  // [N, 1028, 1, 1]
    return linear(reshape(y, {x.size(0), 1028}));
}

}  // namespace taper::nn
