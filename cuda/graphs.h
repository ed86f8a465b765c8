// KeptGraphs: the executable graphs of a OneLaunch, one a piece.  For sources that nvcc compiles.
#pragma once

#include <vector>

#include <cuda_runtime_api.h>

#include <taper/core/one_launch.h>

namespace taper::cuda {

class KeptGraphs final : public OneLaunch::Kept {
  public:
    KeptGraphs() = default;
    ~KeptGraphs() override;
    KeptGraphs(const KeptGraphs&) = delete;
    KeptGraphs& operator=(const KeptGraphs&) = delete;

    // Launches a captured graph: by the executable of piece `number`, updated, or by a new one where an update cannot make it so.
    void launch(std::size_t number, cudaGraph_t graph, cudaStream_t stream);

  private:
    std::vector<cudaGraphExec_t> executables_;
};

}  // namespace taper::cuda
