// Max, average and adaptive average pooling: one thread an output, or an input on the way back, whose contributions are added in the outputs' order.
#include <string>

#include <taper/cuda/backend.h>
#include <taper/cuda/divisor.h>
#include <taper/cuda/element_io.h>
#include <taper/cuda/index_check.h>
#include <taper/formats/error.h>

namespace taper::cuda {

namespace {

TAPER_FN std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
TAPER_FN std::int64_t most(std::int64_t a, std::int64_t b) { return a > b ? a : b; }

// Planes of [h, w] on the side of x, [p, q] on the side of y.
struct Planes {
    std::int64_t planes, padding;
    Divisor h, w, p, q, kernel, stride;

    Planes(const Shape& x, const Shape& y, const core::Pool2dSpec& spec)
        : planes(x[0] * x[1]), padding(spec.padding), h(x[2]), w(x[3]), p(y[2]), q(y[3]), kernel(spec.kernel), stride(spec.stride) {}
    std::int64_t in() const { return planes * h * w; }
    std::int64_t out() const { return planes * p * q; }
    PoolWindows windows() const { return {kernel, stride, padding, h, w}; }
    // The first and the last + 1 window that a row (or column) of x is in.
    TAPER_FN std::int64_t first_window(std::int64_t row) const { return row + padding < kernel ? 0 : (row + padding - kernel) / stride + 1; }
    TAPER_FN std::int64_t last_window(std::int64_t row, std::int64_t windows) const { return least(windows, (row + padding) / stride + 1); }
};

void max_each(Runtime& runtime, const Planes g, const Input x, void* y, std::uint8_t* index) {
    for_each(runtime, g.out(), TAPER_BODY(std::int64_t i) {
        const std::int64_t plane = i / g.q / g.p, top = i / g.q % g.p * g.stride - g.padding, left = i % g.q * g.stride - g.padding;
        std::int64_t winner = -1, number = 0;
        double best = 0;
        for (std::int64_t r = most(0, -top); r < least(g.kernel, g.h - top); ++r) {
            for (std::int64_t s = most(0, -left); s < least(g.kernel, g.w - left); ++s) {
                const std::int64_t here = (plane * g.h + top + r) * g.w + left + s;
                const double v = x.at<double>(here);
                if (winner >= 0 && (v <= best || best != best)) continue;
                winner = here;
                best = v;
                number = r * g.kernel + s;
            }
        }
        store_code(y, x.format.bytes, i, x.code(winner));
        index[i] = static_cast<std::uint8_t>(number);
    });
}

void max_backward_each(Runtime& runtime, const Planes g, const Input dy, const std::uint8_t* index, const Result dx) {
    for_each(runtime, g.in(), TAPER_BODY(std::int64_t i) {
        const std::int64_t plane = i / g.w / g.h, row = i / g.w % g.h, column = i % g.w;
        double sum = 0;
        for (std::int64_t p = g.first_window(row); p < g.last_window(row, g.p); ++p) {
            for (std::int64_t q = g.first_window(column); q < g.last_window(column, g.q); ++q) {
                const std::int64_t o = (plane * g.p + p) * g.q + q;
                const std::int64_t number = (row - p * g.stride + g.padding) * g.kernel + column - q * g.stride + g.padding;
                if (index[o] == number) sum += dy.at<double>(o);
            }
        }
        dx.put(i, sum);
    });
}

// An index names a position of its window that lies within the image.
struct NoPosition {
    Planes g;
    const std::uint8_t* index;
    TAPER_FN bool operator()(std::int64_t i) const {
        const std::int64_t row = i / g.q % g.p * g.stride - g.padding + std::int64_t{index[i]} / g.kernel, column = i % g.q * g.stride - g.padding + std::int64_t{index[i]} % g.kernel;
        return !(index[i] < g.kernel * g.kernel && row >= 0 && row < g.h && column >= 0 && column < g.w);
    }
};

void average_each(Runtime& runtime, const Planes g, const Input x, const Result y) {
    const double divisor = static_cast<double>(g.kernel * g.kernel);
    for_each(runtime, g.out(), TAPER_BODY(std::int64_t i) {
        const std::int64_t plane = i / g.q / g.p, top = i / g.q % g.p * g.stride - g.padding, left = i % g.q * g.stride - g.padding;
        double sum = 0;
        for (std::int64_t r = most(0, -top); r < least(g.kernel, g.h - top); ++r) {
            for (std::int64_t s = most(0, -left); s < least(g.kernel, g.w - left); ++s) sum += x.at<double>((plane * g.h + top + r) * g.w + left + s);
        }
        y.put(i, sum / divisor);
    });
}

void average_backward_each(Runtime& runtime, const Planes g, const Input dy, const Result dx) {
    const double divisor = static_cast<double>(g.kernel * g.kernel);
    for_each(runtime, g.in(), TAPER_BODY(std::int64_t i) {
        const std::int64_t plane = i / g.w / g.h, row = i / g.w % g.h, column = i % g.w;
        double sum = 0;
        for (std::int64_t p = g.first_window(row); p < g.last_window(row, g.p); ++p) {
            for (std::int64_t q = g.first_window(column); q < g.last_window(column, g.q); ++q) sum += dy.at<double>((plane * g.p + p) * g.q + q);
        }
        dx.put(i, sum / divisor);
    });
}

// Output i of P averages rows floor(i H / P) to ceil((i + 1) H / P) - 1, columns likewise.
struct AdaptivePlanes {
    std::int64_t planes;
    Divisor h, w, p, q;
    AdaptivePlanes(const Shape& x, const Shape& y) : planes(x[0] * x[1]), h(x[2]), w(x[3]), p(y[2]), q(y[3]) {}
    TAPER_FN static std::int64_t begin(std::int64_t i, std::int64_t n, const Divisor& windows) { return i * n / windows; }
    TAPER_FN static std::int64_t end(std::int64_t i, std::int64_t n, const Divisor& windows) { return ((i + 1) * n + windows - 1) / windows; }
    TAPER_FN double size(std::int64_t row, std::int64_t column) const {
        return static_cast<double>((end(row, h, p) - begin(row, h, p)) * (end(column, w, q) - begin(column, w, q)));
    }
    // The first window whose end lies beyond `at`.
    TAPER_FN static std::int64_t first_window(std::int64_t at, const Divisor& n, const Divisor& windows) {
        std::int64_t i = at * windows / n;
        while (i > 0 && end(i - 1, n, windows) > at) --i;
        return i;
    }
};

void adaptive_each(Runtime& runtime, const AdaptivePlanes g, const Input x, const Result y) {
    for_each(runtime, g.planes * g.p * g.q, TAPER_BODY(std::int64_t i) {
        const std::int64_t plane = i / g.q / g.p, row = i / g.q % g.p, column = i % g.q;
        double sum = 0;
        for (std::int64_t r = g.begin(row, g.h, g.p); r < g.end(row, g.h, g.p); ++r) {
            for (std::int64_t s = g.begin(column, g.w, g.q); s < g.end(column, g.w, g.q); ++s) sum += x.at<double>((plane * g.h + r) * g.w + s);
        }
        y.put(i, sum / g.size(row, column));
    });
}

void adaptive_backward_each(Runtime& runtime, const AdaptivePlanes g, const Input dy, const Result dx) {
    for_each(runtime, g.planes * g.h * g.w, TAPER_BODY(std::int64_t i) {
        const std::int64_t plane = i / g.w / g.h, row = i / g.w % g.h, column = i % g.w;
        double sum = 0;
        for (std::int64_t p = g.first_window(row, g.h, g.p); p < g.p && g.begin(p, g.h, g.p) <= row; ++p) {
            for (std::int64_t q = g.first_window(column, g.w, g.q); q < g.q && g.begin(q, g.w, g.q) <= column; ++q)
                sum += dy.at<double>((plane * g.p + p) * g.q + q) / g.size(p, q);
        }
        dx.put(i, sum);
    });
}

}  // namespace

void CudaBackend::max_pool2d(const core::Pool2dSpec& spec, const Tensor& x, Tensor& y, Tensor& index) {
    const Planes g(x.shape(), y.shape(), spec);
    max_each(runtime_, g, Input(runtime_, x), y.mutable_data(), static_cast<std::uint8_t*>(index.mutable_data()));
    index.storage()->know(g.windows());
}

void CudaBackend::max_pool2d_backward(const core::Pool2dSpec& spec, const Tensor& dy, const Tensor& index, Tensor& dx, const RoundingMode& mode) {
    const Planes g(dx.shape(), dy.shape(), spec);
    const std::uint8_t* const numbers = static_cast<const std::uint8_t*>(index.data());
    const bool known = index.storage()->known() == KnownIndices(g.windows());
    const std::int64_t bad = known ? index.elements() : first_bad(runtime_, index.elements(), NoPosition{g, numbers});
    if (bad < index.elements()) {
        std::uint8_t number = 0;
        runtime_.copy_out(numbers + bad, &number, 1);
        throw Error("max_pool2d_backward: index names no position of its window: index[" + std::to_string(bad) + "] is " + std::to_string(number) + " (want what max_pool2d gave)");
    }
    max_backward_each(runtime_, g, Input(runtime_, dy), numbers, Result(runtime_, dx, mode));
}

void CudaBackend::avg_pool2d(const core::Pool2dSpec& spec, const Tensor& x, Tensor& y, const RoundingMode& mode) {
    average_each(runtime_, Planes(x.shape(), y.shape(), spec), Input(runtime_, x), Result(runtime_, y, mode));
}

void CudaBackend::avg_pool2d_backward(const core::Pool2dSpec& spec, const Tensor& dy, Tensor& dx, const RoundingMode& mode) {
    average_backward_each(runtime_, Planes(dx.shape(), dy.shape(), spec), Input(runtime_, dy), Result(runtime_, dx, mode));
}

void CudaBackend::adaptive_avg_pool2d(const Tensor& x, Tensor& y, const RoundingMode& mode) {
    adaptive_each(runtime_, AdaptivePlanes(x.shape(), y.shape()), Input(runtime_, x), Result(runtime_, y, mode));
}

void CudaBackend::adaptive_avg_pool2d_backward(const Tensor& dy, Tensor& dx, const RoundingMode& mode) {
    adaptive_backward_each(runtime_, AdaptivePlanes(dx.shape(), dy.shape()), Input(runtime_, dy), Result(runtime_, dx, mode));
}

}  // namespace taper::cuda
