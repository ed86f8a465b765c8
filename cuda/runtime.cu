#include <taper/cuda/runtime.h>

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <vector>

#include <taper/cuda/event.h>
#include <taper/cuda/graphs.h>

namespace taper::cuda {

namespace {

constexpr int least_capability = 8;                        // major
constexpr std::size_t read_bytes = std::size_t{64} << 10;  // of the largest read through pinned memory

cudaStream_t stream_of(void* stream) { return static_cast<cudaStream_t>(stream); }

void* pinned(std::size_t bytes) {
    void* block = nullptr;
    check(cudaHostAlloc(&block, bytes, cudaHostAllocDefault), "cudaHostAlloc", static_cast<std::int64_t>(bytes));
    return block;
}

bool graphs_wanted() {
    static const bool wanted = [] {
        const char* const value = std::getenv("TAPER_CUDA_GRAPHS");
        return value == nullptr || std::string_view(value) != "0";
    }();
    return wanted;
}

struct DestroyGraph {
    void operator()(cudaGraph_t graph) const { (void)cudaGraphDestroy(graph); }
};
using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph>;

// Ends the capture.  One that the driver has broken off is an Error: nothing of it can be run any more.
Graph captured(cudaStream_t stream) {
    cudaGraph_t graph = nullptr;
    const cudaError_t status = cudaStreamEndCapture(stream, &graph);
    Graph result(graph);
    if (status == cudaSuccess && graph != nullptr) return result;
    (void)cudaGetLastError();
    throw Error(std::string("cuda: work in one launch could not be captured, what it enqueued is lost: cudaStreamEndCapture failed: ")
                + cudaGetErrorName(status) + " (" + cudaGetErrorString(status) + "; TAPER_CUDA_GRAPHS=0 in the environment does without)");
}

}  // namespace

int device_count() {
    int count = 0, capability = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) {
        (void)cudaGetLastError();
        return 0;
    }
    for (int i = 0; i < count; ++i) {
        if (cudaDeviceGetAttribute(&capability, cudaDevAttrComputeCapabilityMajor, i) != cudaSuccess || capability < least_capability) return i;
    }
    return count;
}

Runtime::Runtime(int index) : index_(index), memory_(Device::cuda(index).name(), memory_calls()), pieces_(piece_calls()), staging_(staging_calls()) {
    use();
    check(cudaDeviceGetAttribute(&processors_, cudaDevAttrMultiProcessorCount, index), "cudaDeviceGetAttribute");
    cudaStream_t stream;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    stream_ = stream;
    read_ = pinned(read_bytes);
    read_nan_count_ = static_cast<unsigned long long*>(pinned(sizeof(unsigned long long)));
    nan_count_ = static_cast<unsigned long long*>(allocate(sizeof(unsigned long long)));
    zero(nan_count_, sizeof(unsigned long long));
}

// At the end of the process the driver may be gone: what it held went with it.
Runtime::~Runtime() = default;

DeviceMemory::Calls Runtime::memory_calls() {
    const auto allocate = [](std::size_t bytes) -> void* {
        void* block = nullptr;
        const cudaError_t status = cudaMalloc(&block, bytes);
        if (status == cudaErrorMemoryAllocation) {
            (void)cudaGetLastError();
            return nullptr;
        }
        check(status, "cudaMalloc", static_cast<std::int64_t>(bytes));
        return block;
    };
    const auto free = [this](void* block) {
        (void)cudaSetDevice(index_);
        (void)cudaFree(block);
        (void)cudaGetLastError();  // a failure here is not the next launch's
    };
    return {allocate, free, [this] { synchronize(); }, [this] {
                if (make_room_) make_room_();
            }};
}

Staging::Calls Runtime::staging_calls() {
    // Made at the first copy, when the device is the calling thread's.
    const auto events = std::make_shared<std::vector<std::unique_ptr<Event>>>();
    const auto allocate = [events](std::size_t bytes) {
        while (events->size() < Staging::chunks) events->push_back(std::make_unique<Event>());
        return pinned(bytes);
    };
    const auto mark = [this, events](int chunk) { (*events)[static_cast<std::size_t>(chunk)]->record(stream_of(stream_)); };
    const auto wait = [events](int chunk) { (*events)[static_cast<std::size_t>(chunk)]->wait(); };
    return {allocate, mark, wait, [this] { return pieces_.held(); }, [this] { pieces_.launch(); }};
}

// Relaxed: memory is allocated while the stream is captured (cudaMalloc, cudaHostAlloc), which takes no part in the graph and needs to take none,
// since blocks outlast it; and other threads' calls do not break the capture off.
Pieces::Calls Runtime::piece_calls() {
    const auto hold = [this] { check(cudaStreamBeginCapture(stream_of(stream_), cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture"); };
    const auto launch = [this](OneLaunch::Kept& kept, std::size_t number) {
        try {
            const Graph graph = captured(stream_of(stream_));
            static_cast<KeptGraphs&>(kept).launch(number, graph.get(), stream_of(stream_));
        } catch (...) {
            staging_.launched();
            if (make_room_) make_room_();  // what is kept of other tensors may have been among the lost work
            throw;
        }
        staging_.launched();
    };
    return {hold, launch};
}

void Runtime::use() {
    const Turn lock = turn();
    check(cudaSetDevice(index_), "cudaSetDevice", index_);
    pieces_.enqueue();
    idle_ = false;
}

void Runtime::keep(bool on) {
    const Turn lock = turn();
    memory_.keep(on);
}

void* Runtime::allocate(std::size_t bytes) {
    const Turn lock = turn();
    check(cudaSetDevice(index_), "cudaSetDevice", index_);
    return memory_.allocate(bytes);
}

void Runtime::copy_in(const void* host, void* device, std::size_t bytes) {
    const Turn lock = turn();
    use();
    staging_.copy(host, bytes, [&](const void* staged, std::size_t offset, std::size_t part) {
        check(cudaMemcpyAsync(static_cast<char*>(device) + offset, staged, part, cudaMemcpyHostToDevice, stream_of(stream_)), "cudaMemcpyAsync to the device",
              static_cast<std::int64_t>(part));
    });
}

void Runtime::copy_out(const void* device, void* host, std::size_t bytes) {
    const Turn lock = turn();
    check(cudaSetDevice(index_), "cudaSetDevice", index_);
    pieces_.launch();
    void* const to = bytes <= read_bytes ? read_ : host;
    if (bytes != 0)
        check(cudaMemcpyAsync(to, device, bytes, cudaMemcpyDeviceToHost, stream_of(stream_)), "cudaMemcpyAsync to the host", static_cast<std::int64_t>(bytes));
    check(cudaMemcpyAsync(read_nan_count_, nan_count_, sizeof(*nan_count_), cudaMemcpyDeviceToHost, stream_of(stream_)), "cudaMemcpyAsync to the host");
    check(cudaStreamSynchronize(stream_of(stream_)), "cudaStreamSynchronize");
    idle_ = true;
    if (to != host && bytes != 0) std::memcpy(host, to, bytes);
}

void Runtime::copy(const void* from, void* to, std::size_t bytes) {
    const Turn lock = turn();
    use();
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_of(stream_)), "cudaMemcpyAsync on the device", static_cast<std::int64_t>(bytes));
}

void Runtime::zero(void* device, std::size_t bytes) {
    const Turn lock = turn();
    use();
    check(cudaMemsetAsync(device, 0, bytes, stream_of(stream_)), "cudaMemsetAsync", static_cast<std::int64_t>(bytes));
}

void Runtime::synchronize() {
    const Turn lock = turn();
    check(cudaSetDevice(index_), "cudaSetDevice", index_);
    pieces_.launch();
    check(cudaStreamSynchronize(stream_of(stream_)), "cudaStreamSynchronize");
}

std::size_t Runtime::take_nan_count() {
    const Turn lock = turn();
    if (!idle_) copy_out(nullptr, nullptr, 0);
    const unsigned long long count = *read_nan_count_;
    if (count != 0) zero(nan_count_, sizeof(count));
    return static_cast<std::size_t>(count);
}

void Runtime::run_in_one_launch(std::unique_ptr<OneLaunch::Kept>& kept, const std::function<void()>& work) {
    if (!graphs_wanted()) return work();
    if (kept == nullptr) {  // the first time loads kernels and libraries, and fills the cache: all that a capture had better not meet
        work();
        kept = std::make_unique<KeptGraphs>();
        return;
    }
    const Turn lock = turn();
    pieces_.run(*kept, work);
}

}  // namespace taper::cuda
