// oneDNN's float32 convolution in its own choice of layouts: the best of its kind on a CPU.  Loaded at run time, never needed to build or to run the rest.
#pragma once

#include <cstdint>
#include <functional>

namespace taper::bench {

struct ConvShape {
    std::int64_t images, channels, height, width, outputs, kernel, stride, padding;

    std::int64_t out_height() const { return (height + 2 * padding - kernel) / stride + 1; }
    std::int64_t out_width() const { return (width + 2 * padding - kernel) / stride + 1; }
};
enum class ConvPass { forward, backward_data, backward_weights };

// One pass over tensors that oneDNN laid out, on as many threads as OpenMP has now and with the instructions of cpu_level(), unless
// ONEDNN_MAX_CPU_ISA is set; empty where there is no libdnnl.so.2.
std::function<void()> onednn_convolution(const ConvShape& shape, ConvPass pass);

}  // namespace taper::bench
