// Convolutions with float32 sums by cuDNN.  Without nvcc (tests/cuda): plain loops.
#pragma once

#include <cstdint>

#include <taper/cuda/runtime.h>

namespace taper::cuda {

enum class ConvDirection : std::uint8_t { forward, backward_data, backward_weights };

// x [n, channels, h, w], weights [outputs, channels / groups, r, s], y [n, outputs, p, q].  bfloat16: operands in bfloat16 and all three tensors with
// channels last; else float32 as written.  The tensor that the direction gives is float32.
struct ConvProblem {
    ConvDirection direction;
    bool bfloat16;
    std::int64_t n, channels, h, w, outputs, r, s, p, q, stride, padding, dilation, groups;
};

struct ConvTensors {
    const void *x, *weights, *y;  // the direction's own is written
};

// Sums without Winograd, Fourier, TF32 or narrower sums, in an order that repeats.
// False where this build or machine lacks cuDNN or cuDNN has no such plan.  To make one for new sizes takes up to seconds; it is kept.
bool cudnn_has_plan(Runtime& runtime, const ConvProblem& problem);
// By the plan that there is; throws Error where it fails.
void cudnn_convolution(Runtime& runtime, const ConvProblem& problem, const ConvTensors& tensors);

}  // namespace taper::cuda
