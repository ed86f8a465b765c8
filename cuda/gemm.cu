#include <taper/cuda/gemm.h>

#include <cublasLt.h>

#include <map>
#include <mutex>
#include <tuple>

#include <taper/cuda/check.h>

namespace taper::cuda {

namespace {

constexpr std::size_t workspace_bytes = std::size_t{64} << 20;

void check(cublasStatus_t status, const char* call, const GemmShape& s) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    throw Error(std::string("cuda: ") + call + " of [" + std::to_string(s.m) + ", " + std::to_string(s.k) + "] [" + std::to_string(s.n) + ", " + std::to_string(s.k)
                + "]^T failed: " + cublasLtGetStatusString(status));
}

struct Types {
    cudaDataType_t operands, result, scale;
    cublasComputeType_t compute;
    bool operator<(const Types& other) const { return std::tie(operands, result, scale, compute) < std::tie(other.operands, other.result, other.scale, other.compute); }
};

// Descriptors of one product; destroyed with it.
struct Product {
    cublasLtMatmulDesc_t description = nullptr;
    cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;

    // Column-major, as the library sees them: B^T is [k, n], A^T is [k, m], C^T = (B^T)^T A^T.
    Product(const GemmShape& s, const Types& t) {
        const cublasOperation_t transposed = CUBLAS_OP_T, plain = CUBLAS_OP_N;
        check(cublasLtMatmulDescCreate(&description, t.compute, t.scale), "cublasLtMatmulDescCreate", s);
        check(cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof(transposed)), "cublasLtMatmulDescSetAttribute", s);
        check(cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_TRANSB, &plain, sizeof(plain)), "cublasLtMatmulDescSetAttribute", s);
        const auto size = [](std::int64_t n) { return static_cast<std::uint64_t>(n); };
        check(cublasLtMatrixLayoutCreate(&a, t.operands, size(s.k), size(s.n), s.k), "cublasLtMatrixLayoutCreate", s);
        check(cublasLtMatrixLayoutCreate(&b, t.operands, size(s.k), size(s.m), s.k), "cublasLtMatrixLayoutCreate", s);
        check(cublasLtMatrixLayoutCreate(&c, t.result, size(s.n), size(s.m), s.n), "cublasLtMatrixLayoutCreate", s);
    }
    Product(const Product&) = delete;
    Product& operator=(const Product&) = delete;
    ~Product() {
        if (description != nullptr) cublasLtMatmulDescDestroy(description);
        for (cublasLtMatrixLayout_t layout : {a, b, c})
            if (layout != nullptr) cublasLtMatrixLayoutDestroy(layout);
    }
};

// The library's handle of a device, and the algorithm that it chose for each shape.
struct Library {
    cublasLtHandle_t handle = nullptr;
    std::map<std::tuple<Types, std::int64_t, std::int64_t, std::int64_t>, cublasLtMatmulAlgo_t> algorithms;
};

Library& library(int device, const GemmShape& s) {
    static std::map<int, Library> libraries;
    Library& found = libraries[device];
    if (found.handle == nullptr) check(cublasLtCreate(&found.handle), "cublasLtCreate", s);
    return found;
}

const cublasLtMatmulAlgo_t& algorithm(Library& lib, const Product& p, const GemmShape& s, const Types& t) {
    const auto key = std::tuple(t, s.m, s.n, s.k);
    const auto found = lib.algorithms.find(key);
    if (found != lib.algorithms.end()) return found->second;
    cublasLtMatmulPreference_t preference;
    check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate", s);
    check(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace_bytes, sizeof(workspace_bytes)),
          "cublasLtMatmulPreferenceSetAttribute", s);
    cublasLtMatmulHeuristicResult_t result = {};
    int count = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(lib.handle, p.description, p.a, p.b, p.c, p.c, preference, 1, &result, &count);
    cublasLtMatmulPreferenceDestroy(preference);
    check(count == 0 && status == CUBLAS_STATUS_SUCCESS ? CUBLAS_STATUS_NOT_SUPPORTED : status, "cublasLtMatmulAlgoGetHeuristic", s);
    return lib.algorithms.emplace(key, result.algo).first->second;
}

template <class Scale>
void multiply(Runtime& runtime, const GemmShape& s, const Types& types, const void* a, const void* b, void* c) {
    static std::mutex mutex;
    const std::lock_guard<std::mutex> lock(mutex);
    runtime.use();
    Library& lib = library(runtime.index(), s);
    const Product product(s, types);
    const Buffer<std::uint8_t> workspace(runtime, static_cast<std::int64_t>(workspace_bytes));
    const Scale one = 1, zero = 0;
    check(cublasLtMatmul(lib.handle, product.description, &one, b, product.a, a, product.b, &zero, c, product.c, c, product.c, &algorithm(lib, product, s, types),
                         workspace.data(), workspace_bytes, static_cast<cudaStream_t>(runtime.stream())),
          "cublasLtMatmul", s);
}

}  // namespace

void gemm(Runtime& runtime, const GemmShape& shape, const Bfloat16* a, const Bfloat16* b, float* c) {
    multiply<float>(runtime, shape, {CUDA_R_16BF, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F}, a, b, c);
}
void gemm(Runtime& runtime, const GemmShape& shape, const float* a, const float* b, float* c) {
    multiply<float>(runtime, shape, {CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F}, a, b, c);
}
void gemm(Runtime& runtime, const GemmShape& shape, const std::int8_t* a, const std::int8_t* b, std::int32_t* c) {
    multiply<std::int32_t>(runtime, shape, {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, CUBLAS_COMPUTE_32I}, a, b, c);
}

}  // namespace taper::cuda
