#include <taper/cuda/gemm.h>

#include <cublasLt.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

#include <taper/cuda/check.h>

namespace taper::cuda {

namespace {

constexpr std::size_t workspace_bytes = std::size_t{64} << 20;

void check(cublasStatus_t status, const char* call, const GemmShape& s) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    const auto matrix = [](std::int64_t lines, std::int64_t terms, const GemmLayout& at) {
        return "[" + std::to_string(lines) + ", " + std::to_string(terms) + (at.terms_first ? "] by columns of " : "] by rows of ") + std::to_string(at.stride);
    };
    throw Error(std::string("cuda: ") + call + " of " + std::to_string(s.batch) + " products " + matrix(s.m, s.k, s.a) + ", " + matrix(s.n, s.k, s.b)
                + " failed: " + cublasLtGetStatusString(status));
}

struct Types {
    cudaDataType_t operands, result, scale;
    cublasComputeType_t compute;
    int operand_bytes;
};

struct Pointers {
    const void *a, *b;
    void* c;
    const float* bias;
};

// The largest power of two, up to 256, that divides an address and, in bytes, the step to the next matrix.
std::uint32_t alignment(const void* pointer, std::int64_t step_bytes) {
    const std::uint64_t bits = reinterpret_cast<std::uintptr_t>(pointer) | static_cast<std::uint64_t>(step_bytes) | 256;
    return static_cast<std::uint32_t>(bits & (~bits + 1));
}

struct Alignments {
    std::uint32_t a, b, c, d;  // d: also the bias'
    Alignments(const GemmShape& s, const Types& t, const Pointers& p)
        : a(alignment(p.a, s.a.step * t.operand_bytes)),
          b(alignment(p.b, s.b.step * t.operand_bytes)),
          c(alignment(p.c, s.batch == 1 ? 0 : s.m * s.n * 4)),
          d(c) {
        if (p.bias != nullptr) d = std::min(d, alignment(p.bias, 0));
    }
};

// Descriptors of one product; destroyed with it.
struct Product {
    cublasLtMatmulDesc_t description = nullptr;
    cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;

    // The library sees columns: C^T [n, m] = B [n, k] A^T [k, m], so that B is its first operand.  What lies by rows of terms it sees as [k, lines].
    Product(const GemmShape& s, const Types& t, const Pointers& p) {
        check(cublasLtMatmulDescCreate(&description, t.compute, t.scale), "cublasLtMatmulDescCreate", s);
        describe(s, CUBLASLT_MATMUL_DESC_TRANSA, s.b.terms_first ? CUBLAS_OP_N : CUBLAS_OP_T);
        describe(s, CUBLASLT_MATMUL_DESC_TRANSB, s.a.terms_first ? CUBLAS_OP_T : CUBLAS_OP_N);
        if (p.bias != nullptr) {
            describe(s, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
            describe(s, CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
        }
        operand(s, t, s.n, s.b, &b);
        operand(s, t, s.m, s.a, &a);
        matrix(s, t.result, s.n, s.m, s.n, s.m * s.n, &c);
    }
    Product(const Product&) = delete;
    Product& operator=(const Product&) = delete;
    ~Product() {
        if (description != nullptr) cublasLtMatmulDescDestroy(description);
        for (cublasLtMatrixLayout_t layout : {a, b, c})
            if (layout != nullptr) cublasLtMatrixLayoutDestroy(layout);
    }

  private:
    template <class T>
    void describe(const GemmShape& s, cublasLtMatmulDescAttributes_t attribute, const T& value) {
        check(cublasLtMatmulDescSetAttribute(description, attribute, &value, sizeof(value)), "cublasLtMatmulDescSetAttribute", s);
    }
    void operand(const GemmShape& s, const Types& t, std::int64_t lines, const GemmLayout& at, cublasLtMatrixLayout_t* layout) {
        if (at.terms_first)
            matrix(s, t.operands, lines, s.k, at.stride, at.step, layout);
        else
            matrix(s, t.operands, s.k, lines, at.stride, at.step, layout);
    }
    static void matrix(const GemmShape& s, cudaDataType_t type, std::int64_t rows, std::int64_t columns, std::int64_t stride, std::int64_t step,
                       cublasLtMatrixLayout_t* layout) {
        check(cublasLtMatrixLayoutCreate(layout, type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns), stride),
              "cublasLtMatrixLayoutCreate", s);
        if (s.batch == 1) return;
        const std::int32_t batch = static_cast<std::int32_t>(s.batch);
        check(cublasLtMatrixLayoutSetAttribute(*layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof(batch)), "cublasLtMatrixLayoutSetAttribute", s);
        check(cublasLtMatrixLayoutSetAttribute(*layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step, sizeof(step)), "cublasLtMatrixLayoutSetAttribute",
              s);
    }
};

// All that the choice of an algorithm may depend on.
using Key = std::array<std::int64_t, 17>;
Key key_of(const GemmShape& s, const Types& t, const Alignments& at, bool bias) {
    return {t.operands, s.m,  s.n,  s.k,  s.a.stride, s.a.terms_first, s.a.step, s.b.stride, s.b.terms_first, s.b.step, s.batch, s.add,
            at.a,       at.b, at.c, at.d, bias};
}

std::mutex mutex;  // of the libraries

// The library's handle of a device, and the algorithm that it chose for each shape.
struct Library {
    cublasLtHandle_t handle = nullptr;
    std::map<Key, cublasLtMatmulAlgo_t> algorithms;
};

Library& library(Runtime& runtime, const GemmShape& s) {
    static std::map<int, Library> libraries;
    Library& found = libraries[runtime.index()];
    if (found.handle == nullptr) {
        runtime.synchronize();  // not while a step is captured
        check(cublasLtCreate(&found.handle), "cublasLtCreate", s);
    }
    return found;
}

void ask(cublasLtMatmulPreference_t preference, const GemmShape& s, const Alignments& at) {
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
        check(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof(value)), "cublasLtMatmulPreferenceSetAttribute", s);
    };
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, at.b);  // B is the library's first operand
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, at.a);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, at.c);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, at.d);
}

const cublasLtMatmulAlgo_t& algorithm(Library& lib, const Product& p, const GemmShape& s, const Key& key, const Alignments& at) {
    const auto found = lib.algorithms.find(key);
    if (found != lib.algorithms.end()) return found->second;
    cublasLtMatmulPreference_t preference;
    check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate", s);
    const std::unique_ptr<cublasLtMatmulPreferenceOpaque_t, cublasStatus_t (*)(cublasLtMatmulPreference_t)> owner(preference, cublasLtMatmulPreferenceDestroy);
    ask(preference, s, at);
    cublasLtMatmulHeuristicResult_t result = {};
    int count = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(lib.handle, p.description, p.b, p.a, p.c, p.c, preference, 1, &result, &count);
    check(count == 0 && status == CUBLAS_STATUS_SUCCESS ? CUBLAS_STATUS_NOT_SUPPORTED : status, "cublasLtMatmulAlgoGetHeuristic", s);
    return lib.algorithms.emplace(key, result.algo).first->second;
}

template <class Scale>
void multiply(Runtime& runtime, const GemmShape& s, const Types& types, const Pointers& at) {
    const Runtime::Turn turn = runtime.turn();  // before the lock
    const std::lock_guard<std::mutex> lock(mutex);
    runtime.use();
    Library& lib = library(runtime, s);
    const Product product(s, types, at);
    const Alignments aligned(s, types, at);
    const cublasLtMatmulAlgo_t& chosen = algorithm(lib, product, s, key_of(s, types, aligned, at.bias != nullptr), aligned);
    const Buffer<std::uint8_t> workspace(runtime, static_cast<std::int64_t>(workspace_bytes));
    const Scale one = 1, before = s.add ? 1 : 0;
    check(cublasLtMatmul(lib.handle, product.description, &one, at.b, product.b, at.a, product.a, &before, at.c, product.c, at.c, product.c, &chosen,
                         workspace.data(), workspace_bytes, static_cast<cudaStream_t>(runtime.stream())),
          "cublasLtMatmul", s);
}

}  // namespace

void gemm(Runtime& runtime, const GemmShape& shape, const Bfloat16* a, const Bfloat16* b, float* c, const float* bias) {
    multiply<float>(runtime, shape, {CUDA_R_16BF, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F, 2}, {a, b, c, bias});
}
void gemm(Runtime& runtime, const GemmShape& shape, const float* a, const float* b, float* c, const float* bias) {
    multiply<float>(runtime, shape, {CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F, 4}, {a, b, c, bias});
}
void gemm(Runtime& runtime, const GemmShape& shape, const std::int8_t* a, const std::int8_t* b, std::int32_t* c) {
    multiply<std::int32_t>(runtime, shape, {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, CUBLAS_COMPUTE_32I, 1}, {a, b, c, nullptr});
}

}  // namespace taper::cuda
