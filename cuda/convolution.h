// Convolutions with float32 sums by cuDNN: operands decoded as it wants them, its sums rounded into their tensor.
#pragma once

#include <taper/core/conv_sizes.h>
#include <taper/cuda/cudnn.h>
#include <taper/cuda/sum_problem.h>

namespace taper::cuda {

// False where another way serves: other accumulators and formats, small sums, no plan.
bool library_convolution(Runtime& runtime, const SumCall& call, const ConvSizes& sizes, ConvDirection direction);

}  // namespace taper::cuda
