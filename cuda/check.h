// Checked calls of the CUDA libraries: a failure is a taper::Error that names the call, its size and the library's words for it.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <string>

#include <taper/formats/error.h>

namespace taper::cuda {

inline void check(cudaError_t status, const char* call, std::int64_t size = -1) {
    if (status == cudaSuccess) return;
    (void)cudaGetLastError();  // an error of a launch is reported once
    throw Error(std::string("cuda: ") + call + (size < 0 ? "" : " of " + std::to_string(size)) + " failed: " + cudaGetErrorName(status) + " (" +
                cudaGetErrorString(status) + ")");
}

}  // namespace taper::cuda
