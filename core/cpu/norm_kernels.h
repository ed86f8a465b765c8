// The inner loops of normalisation, defined once per CPU level.
#pragma once

#include <cstddef>

namespace taper {

// k (g - shift - (x - mean) slope), g = dy weight: the gradient of one group's elements.
template <class T>
struct NormGradient {
    const T *k, *weight, *mean, *shift, *slope;  // one value each, or one an element
};

template <class T>
struct NormLoops {
    // Into eight lanes, element i into lane i mod 8: s += x - pivot, q += (x - pivot)^2;  s += dy, q += dy (x - mean);
    // s += dy weight[i], q += dy weight[i] (x - mean).
    void (*moments)(const T* x, double pivot, std::size_t n, double* s, double* q);
    void (*products)(const T* dy, const T* x, double mean, std::size_t n, double* s, double* q);
    void (*weighted_products)(const T* dy, const T* x, const double* weight, double mean, std::size_t n, double* s, double* q);
    // s[i] += dy[i], q[i] += dy[i] ((x[i] - mean) k).
    void (*columns)(const T* dy, const T* x, double mean, double k, std::size_t n, double* s, double* q);
    // y = (x - mean) scale + bias; of a row: one mean, scale = k weight[i] and bias[i]; of columns: one of each an element.
    void (*run)(const T* x, double mean, double scale, double bias, std::size_t n, double* y);
    void (*row)(const T* x, double mean, double k, const double* weight, const double* bias, std::size_t n, double* y);
    void (*each)(const T* x, const double* mean, const double* scale, const double* bias, std::size_t n, double* y);
    // The gradient with one value of each; with a weight an element; with all an element.
    void (*run_backward)(const NormGradient<T>& g, const T* dy, const T* x, std::size_t n, T* dx);
    void (*row_backward)(const NormGradient<T>& g, const T* dy, const T* x, std::size_t n, T* dx);
    void (*each_backward)(const NormGradient<T>& g, const T* dy, const T* x, std::size_t n, T* dx);
};

struct NormKernels {
    NormLoops<float> float32;
    NormLoops<double> float64;
};

namespace plain {
const NormKernels& norm_kernels();
}
namespace avx2 {
const NormKernels& norm_kernels();
}
namespace avx512 {
const NormKernels& norm_kernels();
}

const NormKernels& norm_kernels();  // of cpu_level()

}  // namespace taper
