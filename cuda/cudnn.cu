#include <taper/cuda/cudnn.h>

#if defined(TAPER_CUDNN)

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>

#include <taper/cuda/check.h>
#include <taper/cuda/cudnn_library.h>

namespace taper::cuda {

namespace {

constexpr std::int64_t most_workspace = std::int64_t{1} << 29;
constexpr std::int64_t x_id = 1, weights_id = 2, y_id = 3, sums_id = 4;

using Key = std::tuple<int, ConvDirection, bool, std::vector<std::int64_t>>;
Key key_of(int device, const ConvProblem& z) {
    return {device, z.direction, z.bfloat16, {z.n, z.channels, z.h, z.w, z.outputs, z.r, z.s, z.p, z.q, z.stride, z.padding, z.dilation, z.groups}};
}

std::string str(const ConvProblem& z) {
    const auto list = [](std::initializer_list<std::int64_t> sizes) {
        std::string text;
        for (const std::int64_t size : sizes) text += (text.empty() ? "[" : ", ") + std::to_string(size);
        return text + "]";
    };
    const char* const directions[] = {"forward ", "backward data ", "backward weights "};
    return directions[static_cast<int>(z.direction)] + list({z.n, z.channels, z.h, z.w}) + " " + list({z.outputs, z.channels / z.groups, z.r, z.s}) + " stride "
           + std::to_string(z.stride) + " padding " + std::to_string(z.padding) + " dilation " + std::to_string(z.dilation) + " groups "
           + std::to_string(z.groups);
}

enum class Use : std::uint8_t { operand, sums, result };  // sums: between the operations of a graph, not in memory

// x, the weights or y, by its id.
CudnnDescriptor tensor(const ConvProblem& z, std::int64_t id, Use use) {
    const std::int64_t a = id == weights_id ? z.outputs : z.n, b = id == weights_id ? z.channels / z.groups : id == y_id ? z.outputs : z.channels;
    const std::int64_t c = id == weights_id ? z.r : id == y_id ? z.p : z.h, d = id == weights_id ? z.s : id == y_id ? z.q : z.w;
    CudnnDescriptor t(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    t.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, z.bfloat16 && use == Use::operand ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT);
    t.set(CUDNN_ATTR_TENSOR_DIMENSIONS, {a, b, c, d});
    t.set(CUDNN_ATTR_TENSOR_STRIDES, z.bfloat16 ? std::vector<std::int64_t>{b * c * d, 1, b * d, b} : std::vector<std::int64_t>{b * c * d, c * d, d, 1});
    t.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, std::vector<std::int64_t>{use == Use::sums ? sums_id : id});
    t.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::vector<std::int64_t>{16});
    t.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, use == Use::sums);
    t.finalize();
    return t;
}

CudnnDescriptor convolution(const ConvProblem& z) {
    CudnnDescriptor c(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    c.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
    c.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION);
    c.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::vector<std::int64_t>{2});
    c.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {z.padding, z.padding});
    c.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {z.padding, z.padding});
    c.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {z.stride, z.stride});
    c.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, {z.dilation, z.dilation});
    c.finalize();
    return c;
}

// One operation's descriptor and the names of its attributes.
struct Names {
    cudnnBackendDescriptorType_t operation;
    cudnnBackendAttributeName_t convolution, x, weights, y, alpha, beta;
};
Names names(ConvDirection direction) {
    switch (direction) {
        case ConvDirection::forward:
            return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
        case ConvDirection::backward_data:
            return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
        default:
            return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
    }
}

// y = x; what the library has for bfloat16 in and float32 out is a convolution with an operation behind it, not one by itself.
CudnnDescriptor identity() {
    CudnnDescriptor p(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    p.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, CUDNN_POINTWISE_IDENTITY);
    p.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
    p.finalize();
    return p;
}

// The graph of a convolution, behind the descriptors that it is made of.
std::vector<CudnnDescriptor> graph(cudnnHandle_t handle, const ConvProblem& z) {
    const std::int64_t result = z.direction == ConvDirection::backward_data ? x_id : z.direction == ConvDirection::backward_weights ? weights_id : y_id;
    const Names name = names(z.direction);
    const float one = 1, zero = 0;
    std::vector<CudnnDescriptor> d;
    for (const std::int64_t id : {x_id, weights_id, y_id}) d.push_back(tensor(z, id, id != result ? Use::operand : z.bfloat16 ? Use::sums : Use::result));
    d.push_back(convolution(z));
    CudnnDescriptor sums(name.operation);
    sums.set(name.x, d[0]);
    sums.set(name.weights, d[1]);
    sums.set(name.y, d[2]);
    sums.set(name.convolution, d[3]);
    sums.set(name.alpha, CUDNN_TYPE_FLOAT, one);
    sums.set(name.beta, CUDNN_TYPE_FLOAT, zero);
    sums.finalize();
    std::vector<cudnnBackendDescriptor_t> operations{sums.handle()};
    d.push_back(std::move(sums));
    if (z.bfloat16) {
        d.push_back(tensor(z, result, Use::result));
        d.push_back(identity());
        CudnnDescriptor copy(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
        copy.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, d[6]);
        copy.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, d[static_cast<std::size_t>(result - x_id)]);
        copy.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, d[5]);
        copy.finalize();
        operations.push_back(copy.handle());
        d.push_back(std::move(copy));
    }
    CudnnDescriptor g(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    g.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle);
    g.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(operations.size()), operations.data());
    g.finalize();
    d.push_back(std::move(g));
    return d;
}

// Engines with their settings, the library's first choice first; behind them the heuristics that gave them.
std::vector<CudnnDescriptor> choices(const CudnnDescriptor& graph, cudnnBackendHeurMode_t mode) {
    CudnnDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
    heuristics.finalize();
    const std::int64_t count = heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, nullptr);
    std::vector<CudnnDescriptor> found;
    std::vector<cudnnBackendDescriptor_t> handles;
    for (std::int64_t i = 0; i < count; ++i) handles.push_back(found.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).handle());
    const std::int64_t came = count == 0 ? 0 : heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, handles.data());
    while (static_cast<std::int64_t>(found.size()) > came) found.pop_back();
    found.push_back(std::move(heuristics));
    return found;
}

// Whether an engine's sums are those of float32: exact products, no transforms, an order that repeats.
bool admitted(const CudnnDescriptor& choice, bool bfloat16) {
    const CudnnDescriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    cudnnBackendDescriptor_t handle = engine.handle();
    choice.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &handle);
    cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    const std::int64_t count = engine.get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT, notes);
    return std::none_of(notes, notes + count, [&](cudnnBackendNumericalNote_t note) {
        return note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE ? !bfloat16 : note != CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP;
    });
}

struct Plan {
    std::vector<CudnnDescriptor> graph, choices;  // what it was made from
    CudnnDescriptor descriptor;
    std::int64_t workspace;
};

// The plan of a choice; throws Error on one that the library offers and then does not support, or that asks for too much.
std::pair<CudnnDescriptor, std::int64_t> plan_of(cudnnHandle_t handle, const CudnnDescriptor& choice) {
    CudnnDescriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, choice);
    plan.finalize();
    std::int64_t workspace = 0;
    plan.get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &workspace);
    if (workspace > most_workspace) throw Error("cuda: cudnnBackendFinalize: a plan's workspace is too large: " + std::to_string(workspace));
    return {std::move(plan), workspace};
}

// f(), or what an Error means here: not supported, try the next.
template <class F>
auto or_nothing(const F& f) -> std::optional<decltype(f())> {
    try {
        return f();
    } catch (const Error&) {
        return std::nullopt;
    }
}

std::unique_ptr<Plan> make_plan(cudnnHandle_t handle, const ConvProblem& z) {
    auto g = or_nothing([&] { return graph(handle, z); });
    if (!g) return nullptr;
    for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
        auto found = or_nothing([&] { return choices(g->back(), mode); });
        for (std::size_t i = 0; found && i + 1 < found->size(); ++i) {
            const CudnnDescriptor& choice = (*found)[i];
            if (!or_nothing([&] { return admitted(choice, z.bfloat16); }).value_or(false)) continue;
            auto plan = or_nothing([&] { return plan_of(handle, choice); });
            if (plan) return std::make_unique<Plan>(Plan{std::move(*g), std::move(*found), std::move(plan->first), plan->second});
        }
    }
    return nullptr;
}

// One handle a device, null where the library does not give one.
cudnnHandle_t handle_of(Runtime& runtime, const CudnnLibrary& library) {
    static std::map<int, cudnnHandle_t> handles;
    const auto found = handles.find(runtime.index());
    if (found != handles.end()) return found->second;
    runtime.synchronize();  // not while a step is captured
    cudnnHandle_t handle = nullptr;
    if (library.create(&handle) != CUDNN_STATUS_SUCCESS) handle = nullptr;
    return handles.emplace(runtime.index(), handle).first->second;
}

std::mutex mutex;  // of the handles and plans

// Null where there is none.
const Plan* plan_for(Runtime& runtime, const CudnnLibrary& library, const ConvProblem& z) {
    static auto& plans = *new std::map<Key, std::unique_ptr<Plan>>;  // never destroyed: at the end of the process the library may be gone
    const cudnnHandle_t handle = handle_of(runtime, library);
    if (handle == nullptr) return nullptr;
    const Key key = key_of(runtime.index(), z);
    const auto found = plans.find(key);
    if (found != plans.end()) return found->second.get();
    runtime.synchronize();  // not while a step is captured: it compiles and loads kernels
    return plans.emplace(key, make_plan(handle, z)).first->second.get();
}

}  // namespace

bool cudnn_has_plan(Runtime& runtime, const ConvProblem& z) {
    const CudnnLibrary* const library = cudnn_library();
    if (library == nullptr) return false;
    const Runtime::Turn turn = runtime.turn();  // before the lock
    const std::lock_guard<std::mutex> lock(mutex);
    runtime.use();
    return plan_for(runtime, *library, z) != nullptr;
}

void cudnn_convolution(Runtime& runtime, const ConvProblem& z, const ConvTensors& tensors) {
    const CudnnLibrary& library = *cudnn_library();
    const Runtime::Turn turn = runtime.turn();  // before the lock
    const std::lock_guard<std::mutex> lock(mutex);
    runtime.use();
    const Plan& plan = *plan_for(runtime, library, z);  // there already: made by cudnn_has_plan
    const cudnnHandle_t handle = handle_of(runtime, library);
    const Buffer<std::uint8_t> workspace(runtime, plan.workspace);
    const void* const pointers[] = {tensors.x, tensors.weights, tensors.y};
    CudnnDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, {x_id, weights_id, y_id});
    pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3, pointers);
    pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace.data());
    pack.finalize();
    library.check(library.set_stream(handle, static_cast<cudaStream_t>(runtime.stream())), "cudnnSetStream");
    library.check(library.execute(handle, plan.descriptor.handle(), pack.handle()), "cudnnBackendExecute", str(z));
}

}  // namespace taper::cuda

#else

namespace taper::cuda {

bool cudnn_has_plan(Runtime&, const ConvProblem&) { return false; }
void cudnn_convolution(Runtime&, const ConvProblem&, const ConvTensors&) {}

}  // namespace taper::cuda

#endif
