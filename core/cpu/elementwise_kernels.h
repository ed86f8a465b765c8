// The loops of element-wise ops on decoded values, and of code-to-code ops, defined once per CPU level: plain data only.
#pragma once

#include <cstddef>
#include <cstdint>

#include <taper/core/elementwise.h>

namespace taper {

#define TAPER_COUNT(type, function) +1
constexpr int unary_ops = 0 TAPER_UNARY_OPS(TAPER_COUNT);
constexpr int binary_ops = 0 TAPER_BINARY_OPS(TAPER_COUNT);
#undef TAPER_COUNT

template <class T>
struct ElementwiseLoops {
    void (*unary[unary_ops])(const T* x, T a, T* y, std::size_t n);
    void (*binary[binary_ops])(const T* a, const T* b, T* y, std::size_t n);
    // dx = dy grad(v, a), and dy grad_a(a, b) or dy grad_b(a, b) for operand 0 or 1; a product of 0 is +0.
    void (*unary_backward[unary_ops])(const T* v, const T* dy, T a, T* dx, std::size_t n);
    void (*binary_backward[binary_ops][2])(const T* a, const T* b, const T* dy, T* dx, std::size_t n);
};

// The operands of one optimizer step, in its compute type.
template <class T>
struct SgdLoop {
    T momentum, weight_decay, gradient_scale;
    bool velocity, first, nesterov;
};
template <class T>
struct AdamLoop {
    T beta1, rest1, beta2, rest2;  // rest = 1 - beta
    T root_scale, eps, weight_decay, gradient_scale;
    bool decoupled;  // weight_decay shrinks w, else it enters g
};

// Consecutive codes: c is in the range where c - first < count, unsigned in the width of a code.
struct CodeRange {
    std::uint32_t first = 0, count = 0;
};

// What ReLU's code loops are told: where x < 0 codes become 0; where not saved > 0, dy becomes 0, or NaN if it is not finite.
struct ReluCodes {
    CodeRange negative;
};
struct ReluBackwardCodes {
    CodeRange saved_positive, dy_special[2];
    std::uint32_t nan = 0;
};

template <class T>
struct StepLoops {
    // In place: g += weight_decay w; v = momentum v + g.  The direction is then v, or g without a velocity; Nesterov's is g = g + momentum v.
    void (*sgd)(const SgdLoop<T>& step, T* g, T* v, const T* w, std::size_t n);
    // In place: m = beta1 m + rest1 g; v = beta2 v + rest2 g g; g = m / (root_scale sqrt(v) + eps), the direction.
    void (*adam)(const AdamLoop<T>& step, T* g, T* m, T* v, T* w, std::size_t n);
    void (*descend)(T lr, const T* d, T* w, std::size_t n);  // w -= lr d
};

struct ElementwiseKernels {
    ElementwiseLoops<float> float32;
    ElementwiseLoops<double> float64;
    // Rounded to odd instead of to nearest; exp and sigmoid of finite numbers stay finite and above 0.  For targets of at most 32 bits.
    ElementwiseLoops<double> odd;
    StepLoops<float> step32;
    StepLoops<double> step64;
    // By bytes of a code, 1, 2, 4 (, 8): index 0, 1, 2 (, 3).
    void (*by_table[4])(const void* table, const std::uint8_t* x, void* y, std::size_t n);
    void (*relu[3])(const ReluCodes& codes, const void* x, void* y, std::size_t n);
    void (*relu_backward[3][3])(const ReluBackwardCodes& codes, const void* saved, const void* dy, void* dx, std::size_t n);
};

namespace plain {
const ElementwiseKernels& elementwise_kernels();
}
namespace avx2 {
const ElementwiseKernels& elementwise_kernels();
}
namespace avx512 {
const ElementwiseKernels& elementwise_kernels();
}

const ElementwiseKernels& elementwise_kernels();  // of cpu_level()

}  // namespace taper
