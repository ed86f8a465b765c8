#include <taper/nn/sequential.h>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::nn {

Module& Sequential::operator[](std::size_t index) {
    if (index >= layers_.size()) throw Error(fmt::format("Sequential: no such layer: {} (want less than {})", index, layers_.size()));
    return *layers_[index];
}

Variable Sequential::forward(const Variable& x) {
    Variable y = x;
    for (const auto& layer : layers_) y = (*layer)(y);
    return y;
}

}  // namespace taper::nn
