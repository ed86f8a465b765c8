#include <taper/cuda/graphs.h>

#include <taper/cuda/check.h>

namespace taper::cuda {

namespace {

// Whether it now does what the graph says.  A launch of it that is under way is not affected.
bool update(cudaGraphExec_t executable, cudaGraph_t graph) {
    cudaGraphExecUpdateResultInfo info;
    if (cudaGraphExecUpdate(executable, graph, &info) == cudaSuccess) return true;
    (void)cudaGetLastError();  // other kernels, sizes or numbers of them than the last time
    return false;
}

}  // namespace

// One that still runs is freed when it is done.
KeptGraphs::~KeptGraphs() {
    for (cudaGraphExec_t executable : executables_)
        if (executable != nullptr) (void)cudaGraphExecDestroy(executable);
}

void KeptGraphs::launch(std::size_t number, cudaGraph_t graph, cudaStream_t stream) {
    std::size_t nodes = 0;
    check(cudaGraphGetNodes(graph, nullptr, &nodes), "cudaGraphGetNodes");
    if (nodes == 0) return;
    if (number >= executables_.size()) executables_.resize(number + 1, nullptr);
    cudaGraphExec_t& executable = executables_[number];
    if (executable != nullptr && !update(executable, graph)) {
        (void)cudaGraphExecDestroy(executable);
        executable = nullptr;
    }
    if (executable == nullptr) check(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate", static_cast<std::int64_t>(nodes));
    check(cudaGraphLaunch(executable, stream), "cudaGraphLaunch", static_cast<std::int64_t>(nodes));
}

}  // namespace taper::cuda
