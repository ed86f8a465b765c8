#include <taper/nn/sequential.h>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/layers.h>

namespace taper::nn {

Module& Sequential::operator[](std::size_t index) {
    if (index >= layers_.size()) throw Error(fmt::format("Sequential: no such layer: {} (want less than {})", index, layers_.size()));
    return *layers_[index];
}

Variable Sequential::forward(const Variable& x) {
    const auto is_plain_relu = [](const Module& layer) { return dynamic_cast<const ReLU*>(&layer) != nullptr && layer.bare(); };
    Variable y = x;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        const bool relu_follows = i + 1 < layers_.size() && is_plain_relu(*layers_[i + 1]);
        y = relu_follows ? layers_[i++]->with_relu(y) : (*layers_[i])(y);
    }
    return y;
}

}  // namespace taper::nn
