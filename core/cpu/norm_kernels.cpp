// Loops of normalisation, compiled once per CPU level.
#include <taper/core/cpu/lane_registers.h>
#include <taper/core/cpu/norm_kernels.h>
#include <taper/formats/host_device.h>

namespace taper::TAPER_LEVEL {
namespace {

// One term, of doubles or of lanes.
template <class V>
TAPER_FN void add_moments(const V& x, double pivot, V& sum, V& product) {
    const V d = x - pivot;
    sum += d;
    product += d * d;
}
template <class V>
TAPER_FN void add_products(const V& g, const V& x, double mean, V& sum, V& product) {
    sum += g;
    product += g * (x - mean);
}

template <class T>
void moments(const T* x, double pivot, std::size_t n, double* s, double* q) {
    const auto vector = [&](std::size_t i, Lanes& sum, Lanes& product) {
        Lanes value;
        load(x + i, value);
        add_moments(value, pivot, sum, product);
    };
    add_in_lanes(n, s, q, vector, [&](std::size_t i, double& sum, double& product) { add_moments(static_cast<double>(x[i]), pivot, sum, product); });
}

template <class T>
void products(const T* dy, const T* x, double mean, std::size_t n, double* s, double* q) {
    const auto vector = [&](std::size_t i, Lanes& sum, Lanes& product) {
        Lanes g, value;
        load(dy + i, g);
        load(x + i, value);
        add_products(g, value, mean, sum, product);
    };
    add_in_lanes(n, s, q, vector,
                 [&](std::size_t i, double& sum, double& product) { add_products(static_cast<double>(dy[i]), static_cast<double>(x[i]), mean, sum, product); });
}

template <class T>
void weighted_products(const T* dy, const T* x, const double* weight, double mean, std::size_t n, double* s, double* q) {
    const auto vector = [&](std::size_t i, Lanes& sum, Lanes& product) {
        Lanes g, w, value;
        load(dy + i, g);
        load(weight + i, w);
        load(x + i, value);
        g = g * w;
        add_products(g, value, mean, sum, product);
    };
    add_in_lanes(n, s, q, vector, [&](std::size_t i, double& sum, double& product) {
        add_products(static_cast<double>(dy[i]) * weight[i], static_cast<double>(x[i]), mean, sum, product);
    });
}

template <class T>
void columns(const T* __restrict dy, const T* __restrict x, double mean, double k, std::size_t n, double* __restrict s, double* __restrict q) {
    for (std::size_t i = 0; i < n; ++i) {
        const double g = static_cast<double>(dy[i]);
        s[i] += g;
        q[i] += g * ((static_cast<double>(x[i]) - mean) * k);
    }
}

template <class T>
void run(const T* __restrict x, double mean, double scale, double bias, std::size_t n, double* __restrict y) {
    for (std::size_t i = 0; i < n; ++i) y[i] = (static_cast<double>(x[i]) - mean) * scale + bias;
}

template <class T>
void row(const T* __restrict x, double mean, double k, const double* __restrict weight, const double* __restrict bias, std::size_t n, double* __restrict y) {
    for (std::size_t i = 0; i < n; ++i) y[i] = (static_cast<double>(x[i]) - mean) * (k * weight[i]) + bias[i];
}

template <class T>
void each(const T* __restrict x, const double* __restrict mean, const double* __restrict scale, const double* __restrict bias, std::size_t n,
          double* __restrict y) {
    for (std::size_t i = 0; i < n; ++i) y[i] = (static_cast<double>(x[i]) - mean[i]) * scale[i] + bias[i];
}

// Adding 0 turns -0 into +0.
template <class T>
TAPER_FN T gradient(T k, T weight, T mean, T shift, T slope, T dy, T x) {
    return k * (dy * weight - shift - (x - mean) * slope) + T(0);
}

template <class T>
void run_backward(const NormGradient<T>& g, const T* __restrict dy, const T* __restrict x, std::size_t n, T* __restrict dx) {
    const T k = *g.k, weight = *g.weight, mean = *g.mean, shift = *g.shift, slope = *g.slope;
    for (std::size_t i = 0; i < n; ++i) dx[i] = gradient(k, weight, mean, shift, slope, dy[i], x[i]);
}

template <class T>
void row_backward(const NormGradient<T>& g, const T* __restrict dy, const T* __restrict x, std::size_t n, T* __restrict dx) {
    const T k = *g.k, mean = *g.mean, shift = *g.shift, slope = *g.slope;
    const T* __restrict weight = g.weight;
    for (std::size_t i = 0; i < n; ++i) dx[i] = gradient(k, weight[i], mean, shift, slope, dy[i], x[i]);
}

template <class T>
void each_backward(const NormGradient<T>& g, const T* __restrict dy, const T* __restrict x, std::size_t n, T* __restrict dx) {
    const T* __restrict k = g.k, * __restrict weight = g.weight, * __restrict mean = g.mean, * __restrict shift = g.shift, * __restrict slope = g.slope;
    for (std::size_t i = 0; i < n; ++i) dx[i] = gradient(k[i], weight[i], mean[i], shift[i], slope[i], dy[i], x[i]);
}

template <class T>
constexpr NormLoops<T> loops = {moments<T>, products<T>, weighted_products<T>, columns<T>,      run<T>,
                                row<T>,     each<T>,     run_backward<T>,      row_backward<T>, each_backward<T>};

constexpr NormKernels kernels = {loops<float>, loops<double>};

}  // namespace

const NormKernels& norm_kernels() { return kernels; }

}  // namespace taper::TAPER_LEVEL
