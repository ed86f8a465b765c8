// Adaptive average pooling, one plane at a time; windows may overlap.
#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/operand.h>

#include <omp.h>

namespace taper {
namespace {

// Planes of [h, w] on the side of x, [p, q] on the side of y.
struct AdaptivePlanes {
    std::int64_t planes, h, w, p, q;
    AdaptivePlanes(const Shape& x, const Shape& y) : planes(x[0] * x[1]), h(x[2]), w(x[3]), p(y[2]), q(y[3]) {}
    std::int64_t in() const { return h * w; }
    std::int64_t out() const { return p * q; }

    // body(element of x) over output i's window; returns its size.
    template <class Body>
    double window(std::int64_t i, const Body& body) const {
        const std::int64_t row = i / q, column = i % q;
        const std::int64_t top = row * h / p, bottom = ((row + 1) * h + p - 1) / p, left = column * w / q, right = ((column + 1) * w + q - 1) / q;
        for (std::int64_t r = top; r < bottom; ++r) {
            for (std::int64_t s = left; s < right; ++s) body(r * w + s);
        }
        return static_cast<double>((bottom - top) * (right - left));
    }
};

// Sum over the planes of body(plane, x's values, y's values), on one scratch a thread.
template <class Body>
std::size_t sum_over_planes(const AdaptivePlanes& g, const Body& body) {
    const int threads = g.planes * (g.in() + g.out()) >= parallel_from ? omp_get_max_threads() : 1;
    const std::int64_t doubles = g.in() + g.out();
    std::vector<double> scratch(static_cast<std::size_t>(threads * doubles));
    std::size_t sum = 0;
#pragma omp parallel for schedule(static) reduction(+ : sum) num_threads(threads)
    for (std::int64_t plane = 0; plane < g.planes; ++plane) {
        double* values = scratch.data() + omp_get_thread_num() * doubles;
        sum += body(plane, values, values + g.in());
    }
    return sum;
}

void read_plane(const Reader<double>& in, std::int64_t plane, std::int64_t size, double* out) {
    for (std::int64_t i = 0; i < size; i += lane_block) in.copy(plane * size + i, std::min(lane_block, size - i), out + i);
}

}  // namespace

void CpuBackend::adaptive_avg_pool2d(const Tensor& x, Tensor& y, const RoundingMode& mode) {
    const AdaptivePlanes g(x.shape(), y.shape());
    const Reader<double> in(x);
    const Writer<double> out(y, mode);
    count_nan(sum_over_planes(g, [&](std::int64_t plane, double* values, double* means) {
        read_plane(in, plane, g.in(), values);
        for (std::int64_t i = 0; i < g.out(); ++i) {
            double sum = 0;
            const double size = g.window(i, [&](std::int64_t at) { sum += values[at]; });
            means[i] = sum / size;
        }
        return out.finish(plane * g.out(), g.out(), means);
    }));
}

void CpuBackend::adaptive_avg_pool2d_backward(const Tensor& dy, Tensor& dx, const RoundingMode& mode) {
    const AdaptivePlanes g(dx.shape(), dy.shape());
    const Reader<double> in(dy);
    const Writer<double> out(dx, mode);
    count_nan(sum_over_planes(g, [&](std::int64_t plane, double* sums, double* gradient) {
        read_plane(in, plane, g.out(), gradient);
        std::fill_n(sums, g.in(), 0.0);
        for (std::int64_t i = 0; i < g.out(); ++i) {
            const double share = gradient[i] / g.window(i, [](std::int64_t) {});
            g.window(i, [&](std::int64_t at) { sums[at] += share; });
        }
        return out.finish(plane * g.in(), g.in(), sums);
    }));
}

}  // namespace taper
