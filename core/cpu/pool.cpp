// Max and average pooling, one plane at a time.
#include <cmath>

#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/code_facts.h>
#include <taper/core/cpu/operand.h>
#include <taper/core/cpu/pool_kernels.h>
#include <taper/formats/cpu_level.h>
#include <taper/formats/error.h>

#include <omp.h>

namespace taper {

const PoolKernels& pool_kernels() {
#if defined(TAPER_X86_LEVELS)
    switch (cpu_level()) {
        case CpuLevel::avx512: return avx512::pool_kernels();
        case CpuLevel::avx2: return avx2::pool_kernels();
        default: break;
    }
#endif
    return plain::pool_kernels();
}

namespace {

// The images of a pooling: `planes` of [h, w] on the side of x, [p, q] on the side of y.
struct Planes {
    std::int64_t planes, h, w, p, q;
    std::int64_t kernel, stride, padding;

    Planes(const Shape& x, const Shape& y, const core::Pool2dSpec& spec)
        : planes(x[0] * x[1]), h(x[2]), w(x[3]), p(y[2]), q(y[3]), kernel(spec.kernel), stride(spec.stride), padding(spec.padding) {}

    std::int64_t in() const { return h * w; }
    std::int64_t out() const { return p * q; }
    bool halves() const { return kernel == 2 && stride == 2 && padding == 0; }

    // body(row, column, number) for the window's positions within the image; number = row * kernel + column within the window.
    template <class Body>
    void window(std::int64_t i, std::int64_t j, const Body& body) const {
        const std::int64_t top = i * stride - padding, left = j * stride - padding;
        for (std::int64_t r = std::max<std::int64_t>(0, -top); r < std::min(kernel, h - top); ++r) {
            for (std::int64_t s = std::max<std::int64_t>(0, -left); s < std::min(kernel, w - left); ++s) body(top + r, left + s, r * kernel + s);
        }
    }
};

// Sum of body(run, scratch) for [0, runs) of the work on g, scratch holding `doubles` numbers.
template <class Body>
std::size_t sum_over_runs(const Planes& g, std::int64_t runs, std::int64_t doubles, const Body& body) {
    const int threads = g.planes * g.in() >= parallel_from ? omp_get_max_threads() : 1;
    std::vector<double> scratch(static_cast<std::size_t>(threads * doubles));
    std::size_t sum = 0;
#pragma omp parallel for schedule(static) reduction(+ : sum) num_threads(threads)
    for (std::int64_t run = 0; run < runs; ++run) sum += body(run, scratch.data() + omp_get_thread_num() * doubles);
    return sum;
}

template <class Body>
std::size_t sum_over_planes(const Planes& g, std::int64_t doubles, const Body& body) {
    return sum_over_runs(g, g.planes, doubles, body);
}

// One plane of values.
void read_plane(const Reader<double>& in, std::int64_t plane, std::int64_t size, double* out) {
    for (std::int64_t i = 0; i < size; i += lane_block) in.copy(plane * size + i, std::min(lane_block, size - i), out + i);
}

int width_index(int width) { return width == 1 ? 0 : width == 2 ? 1 : width == 4 ? 2 : 3; }

// Sum of body(element of x, element of y, pairs, scratch) over runs of row pairs that begin at those elements: all rows of all planes are one
// tall image where no row is left over, and each plane is a run otherwise.
template <class Body>
std::size_t sum_over_row_pairs(const Planes& g, std::int64_t doubles, const Body& body) {
    if (g.h != 2 * g.p) {
        return sum_over_planes(g, doubles, [&](std::int64_t plane, double* scratch) { return body(plane * g.in(), plane * g.out(), g.p, scratch); });
    }
    const std::int64_t together = std::max<std::int64_t>(1, thread_chunk / (2 * g.w)), pairs = g.planes * g.p;
    return sum_over_runs(g, (pairs + together - 1) / together, doubles, [&](std::int64_t run, double* scratch) {
        const std::int64_t first = run * together;
        return body(first * 2 * g.w, first * g.q, std::min(together, pairs - first), scratch);
    });
}

RowPairs row_pairs(const Planes& g, std::int64_t pairs) { return {static_cast<std::size_t>(pairs), static_cast<std::size_t>(g.w), static_cast<std::size_t>(g.q)}; }

// 2x2 windows of codes whose order is that of their keys.
void max_by_codes(const Planes& g, const CodeFacts& facts, const Tensor& x, Tensor& y, std::uint8_t* index) {
    const int width = x.format().storage_bytes();
    const auto kernel = pool_kernels().max_codes[width_index(width)];
    sum_over_row_pairs(g, 0, [&](std::int64_t from, std::int64_t to, std::int64_t pairs, double*) {
        kernel(row_pairs(g, pairs), facts.flip, facts.less, at(x.data(), from, width), at(y.mutable_data(), to, width), index + to);
        return std::size_t{0};
    });
}

// 2x2 windows of values that float32 holds; encoding them again gives their codes.
void max_by_floats(const Planes& g, const Tensor& x, Tensor& y, std::uint8_t* index) {
    const Decoder decoder(x.format());
    const Encoder encoder(y.format(), {});
    const bool direct = x.format() == Format::float32();
    const int width = x.format().storage_bytes();
    const std::int64_t pairs_at_most = std::max(g.p, std::max<std::int64_t>(1, thread_chunk / (2 * g.w)));
    const std::int64_t floats = direct ? 0 : pairs_at_most * (2 * g.w + g.q);
    sum_over_row_pairs(g, (floats + 1) / 2, [&](std::int64_t from, std::int64_t to, std::int64_t pairs, double* room) {
        const RowPairs rows = row_pairs(g, pairs);
        if (direct) {
            pool_kernels().max_float(rows, static_cast<const float*>(x.data()) + from, static_cast<float*>(y.mutable_data()) + to, index + to);
            return std::size_t{0};
        }
        float* values = reinterpret_cast<float*>(room);
        float* winners = values + pairs * 2 * g.w;
        decoder(at(x.data(), from, width), static_cast<std::size_t>(pairs * 2 * g.w), values);
        pool_kernels().max_float(rows, values, winners, index + to);
        encoder(winners, static_cast<std::size_t>(pairs * g.q), at(y.mutable_data(), to, width), 0);
        return std::size_t{0};
    });
}

bool max_halves(const Planes& g, const Tensor& x, Tensor& y, std::uint8_t* index) {
    const CodeFacts& facts = code_facts(x.format());
    if (facts.ordered) {
        max_by_codes(g, facts, x, y, index);
    } else if (x.format() == Format::float32() || (facts.ranges && x.format().exact_in_float32())) {
        max_by_floats(g, x, y, index);
    } else {
        return false;
    }
    return true;
}

// Any window, on decoded values; the winner's code is copied.
void max_windows(const Planes& g, const Tensor& x, Tensor& y, std::uint8_t* index) {
    const Reader<double> in(x);
    const int width = x.format().storage_bytes();
    sum_over_planes(g, g.in(), [&](std::int64_t plane, double* values) {
        read_plane(in, plane, g.in(), values);
        for (std::int64_t i = 0; i < g.out(); ++i) {
            std::int64_t winner = -1;
            std::uint8_t number = 0;
            g.window(i / g.q, i % g.q, [&](std::int64_t row, std::int64_t column, std::int64_t position) {
                const std::int64_t here = row * g.w + column;
                if (winner >= 0 && (values[here] <= values[winner] || values[winner] != values[winner])) return;
                winner = here;
                number = static_cast<std::uint8_t>(position);
            });
            std::memcpy(at(y.mutable_data(), plane * g.out() + i, width), at(x.data(), plane * g.in() + winner, width), static_cast<std::size_t>(width));
            index[plane * g.out() + i] = number;
        }
        return std::size_t{0};
    });
}

// Where output i's winner lies in its plane, or -1 for an index that names no position of the window within the image.
std::int64_t winner_of(const Planes& g, std::int64_t i, std::uint8_t number) {
    const std::int64_t row = i / g.q * g.stride - g.padding + number / g.kernel, column = i % g.q * g.stride - g.padding + number % g.kernel;
    const bool inside = number < g.kernel * g.kernel && row >= 0 && row < g.h && column >= 0 && column < g.w;
    return inside ? row * g.w + column : -1;
}

void max_backward_halves(const Planes& g, const Tensor& dy, const std::uint8_t* index, Tensor& dx) {
    const int width = dx.format().storage_bytes();
    const auto kernel = pool_kernels().max_backward[width_index(width)];
    sum_over_row_pairs(g, 0, [&](std::int64_t to, std::int64_t from, std::int64_t pairs, double*) {
        kernel(row_pairs(g, pairs), at(dy.data(), from, width), index + from, at(dx.mutable_data(), to, width));
        if (g.h != 2 * g.p) std::memset(at(dx.mutable_data(), to + 2 * g.p * g.w, width), 0, static_cast<std::size_t>(g.w * width));
        return std::size_t{0};
    });
}

// Windows may overlap: contributions are added in float64 in the order of the outputs.
void add_winners(const Planes& g, const double* dy, const std::uint8_t* index, double* dx) {
    std::fill_n(dx, g.in(), 0.0);
    for (std::int64_t i = 0; i < g.out(); ++i) {
        const std::int64_t winner = winner_of(g, i, index[i]);
        if (winner >= 0) dx[winner] += dy[i];
    }
}

void check_index(const Planes& g, const Tensor& index) {
    const std::uint8_t* number = static_cast<const std::uint8_t*>(index.data());
    for (std::int64_t i = 0; i < index.elements(); ++i) {
        if (winner_of(g, i % g.out(), number[i]) >= 0) continue;
        throw Error("max_pool2d_backward: index names no position of its window: index[" + std::to_string(i) + "] is " + std::to_string(number[i]) +
                    " (want what max_pool2d gave)");
    }
}

}  // namespace

void CpuBackend::max_pool2d(const core::Pool2dSpec& spec, const Tensor& x, Tensor& y, Tensor& index) {
    const Planes g(x.shape(), y.shape(), spec);
    std::uint8_t* numbers = static_cast<std::uint8_t*>(index.mutable_data());
    if (!g.halves() || !max_halves(g, x, y, numbers)) max_windows(g, x, y, numbers);
}

void CpuBackend::max_pool2d_backward(const core::Pool2dSpec& spec, const Tensor& dy, const Tensor& index, Tensor& dx, const RoundingMode& mode) {
    const Planes g(dx.shape(), dy.shape(), spec);
    const std::uint8_t* numbers = static_cast<const std::uint8_t*>(index.data());
    if (g.halves() && dy.format() == dx.format() && decode_one(dx.format(), 0) == 0) return max_backward_halves(g, dy, numbers, dx);
    check_index(g, index);
    const Reader<double> in(dy);
    const Writer<double> out(dx, mode);
    count_nan(sum_over_planes(g, g.in() + g.out(), [&](std::int64_t plane, double* scratch) {
        double* gradient = scratch + g.in();
        read_plane(in, plane, g.out(), gradient);
        add_winners(g, gradient, numbers + plane * g.out(), scratch);
        return out.finish(plane * g.in(), g.in(), scratch);
    }));
}

void CpuBackend::avg_pool2d(const core::Pool2dSpec& spec, const Tensor& x, Tensor& y, const RoundingMode& mode) {
    const Planes g(x.shape(), y.shape(), spec);
    const Reader<double> in(x);
    const Writer<double> out(y, mode);
    const double divisor = static_cast<double>(g.kernel * g.kernel);
    count_nan(sum_over_planes(g, g.in() + g.out(), [&](std::int64_t plane, double* values) {
        double* means = values + g.in();
        read_plane(in, plane, g.in(), values);
        for (std::int64_t i = 0; i < g.out(); ++i) {
            double sum = 0;
            g.window(i / g.q, i % g.q, [&](std::int64_t row, std::int64_t column, std::int64_t) { sum += values[row * g.w + column]; });
            means[i] = sum / divisor;
        }
        return out.finish(plane * g.out(), g.out(), means);
    }));
}

void CpuBackend::avg_pool2d_backward(const core::Pool2dSpec& spec, const Tensor& dy, Tensor& dx, const RoundingMode& mode) {
    const Planes g(dx.shape(), dy.shape(), spec);
    const Reader<double> in(dy);
    const Writer<double> out(dx, mode);
    const double divisor = static_cast<double>(g.kernel * g.kernel);
    count_nan(sum_over_planes(g, g.in() + g.out(), [&](std::int64_t plane, double* sums) {
        double* gradient = sums + g.in();
        read_plane(in, plane, g.out(), gradient);
        std::fill_n(sums, g.in(), 0.0);
        for (std::int64_t i = 0; i < g.out(); ++i) {
            g.window(i / g.q, i % g.q, [&](std::int64_t row, std::int64_t column, std::int64_t) { sums[row * g.w + column] += gradient[i]; });
        }
        for (std::int64_t i = 0; i < g.in(); ++i) sums[i] /= divisor;
        return out.finish(plane * g.in(), g.in(), sums);
    }));
}

}  // namespace taper
