#include <taper/core/cpu/reduce.h>

#include <cmath>
#include <limits>

#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/operand.h>
#include <taper/formats/cpu_level.h>

namespace taper {

const ReduceKernels& reduce_kernels() {
#if defined(TAPER_X86_LEVELS)
    switch (cpu_level()) {
        case CpuLevel::avx512: return avx512::reduce_kernels();
        case CpuLevel::avx2: return avx2::reduce_kernels();
        default: break;
    }
#endif
    return plain::reduce_kernels();
}

namespace {

constexpr std::int64_t column_tile = 128;  // columns whose eight lanes lie in the first-level cache
static_assert(sum_block % lane_block == 0 && lane_block % sum_lanes == 0);

double block_sum(const double* x, std::int64_t n, const double* mean) {
    alignas(64) double lane[sum_lanes] = {};
    if (mean != nullptr) {
        reduce_kernels().squares(x, *mean, static_cast<std::size_t>(n), lane);
    } else {
        reduce_kernels().sum(x, static_cast<std::size_t>(n), lane);
    }
    return add_lanes(lane);
}

// Rows [begin, end) of short rows, n <= lane_block, several decoded at a time.
void short_row_sums(const Reader<double>& in, std::int64_t n, std::int64_t begin, std::int64_t end, const double* mean, double* sums) {
    alignas(64) double buffer[lane_block];
    const std::int64_t together = lane_block / n;
    for (std::int64_t row = begin; row < end; row += together) {
        const std::int64_t rows = std::min(together, end - row);
        const double* values = in.read(row * n, rows * n, buffer);
        for (std::int64_t i = 0; i < rows; ++i) sums[row + i] = block_sum(values + i * n, n, mean != nullptr ? mean + row + i : nullptr);
    }
}

// One block of a long row that begins at element `begin`.
double long_row_block(const Reader<double>& in, std::int64_t begin, std::int64_t count, const double* mean) {
    alignas(64) double buffer[lane_block], lane[sum_lanes] = {};
    for (std::int64_t done = 0; done < count; done += lane_block) {
        const std::int64_t size = std::min(lane_block, count - done);
        const double* values = in.read(begin + done, size, buffer);
        if (mean != nullptr) {
            reduce_kernels().squares(values, *mean, static_cast<std::size_t>(size), lane);
        } else {
            reduce_kernels().sum(values, static_cast<std::size_t>(size), lane);
        }
    }
    return add_lanes(lane);
}

// Calls row(k, values) for the rows [first, last) of a matrix with `inner` columns that begins at element `begin`: the columns
// [column, column + width) of each.
template <class Row>
void for_rows(const Reader<double>& in, std::int64_t begin, std::int64_t inner, std::int64_t column, std::int64_t width, std::int64_t first, std::int64_t last, const Row& row) {
    alignas(64) double buffer[lane_block];
    const std::int64_t together = width == inner ? lane_block / inner : 1;  // whole rows follow one another
    for (std::int64_t k = first; k < last; k += together) {
        const std::int64_t rows = std::min(together, last - k);
        const double* values = in.read(begin + k * inner + column, (rows - 1) * inner + width, buffer);
        for (std::int64_t i = 0; i < rows; ++i) row(k + i, values + i * inner);
    }
}

// One block of the rows [first, last) of x[o], columns [column, column + width): sums[i] for each.
void column_block(const Reader<double>& in, const Backend::ReduceShape& s, std::int64_t o, std::int64_t column, std::int64_t width, std::int64_t first, std::int64_t last,
                  const double* mean, double* sums) {
    alignas(64) double lane[sum_lanes][column_tile] = {};
    const std::size_t n = static_cast<std::size_t>(width);
    for_rows(in, o * s.n * s.inner, s.inner, column, width, first, last, [&](std::int64_t k, const double* values) {
        if (mean != nullptr) {
            reduce_kernels().squares_columns(values, mean, n, lane[(k - first) % sum_lanes]);
        } else {
            reduce_kernels().sum_columns(values, n, lane[(k - first) % sum_lanes]);
        }
    });
    for (std::int64_t i = 0; i < width; ++i) {
        double sum = lane[0][i];
        for (int l = 1; l < sum_lanes; ++l) sum += lane[l][i];
        sums[i] = sum;
    }
}

std::vector<double> row_sums(const Tensor& x, const Backend::ReduceShape& s, const double* mean) {
    const Reader<double> in(x);
    std::vector<double> sums(static_cast<std::size_t>(s.outer));
    if (s.n <= lane_block) {
        const std::int64_t chunk = std::max<std::int64_t>(1, thread_chunk / s.n), chunks = (s.outer + chunk - 1) / chunk;
#pragma omp parallel for schedule(static) if (x.elements() >= parallel_from)
        for (std::int64_t c = 0; c < chunks; ++c) short_row_sums(in, s.n, c * chunk, std::min(s.outer, (c + 1) * chunk), mean, sums.data());
        return sums;
    }
    const std::int64_t blocks = (s.n + sum_block - 1) / sum_block;
    std::vector<double> partial(static_cast<std::size_t>(s.outer * blocks));
#pragma omp parallel for schedule(static) if (x.elements() >= parallel_from)
    for (std::int64_t i = 0; i < s.outer * blocks; ++i) {
        const std::int64_t o = i / blocks, first = i % blocks * sum_block;
        partial[static_cast<std::size_t>(i)] = long_row_block(in, o * s.n + first, std::min(sum_block, s.n - first), mean != nullptr ? mean + o : nullptr);
    }
    for (std::size_t i = 0; i < partial.size(); ++i) sums[i / static_cast<std::size_t>(blocks)] += partial[i];
    return sums;
}

std::vector<double> column_sums(const Tensor& x, const Backend::ReduceShape& s, const double* mean) {
    const Reader<double> in(x);
    const std::int64_t tiles = (s.inner + column_tile - 1) / column_tile, blocks = (s.n + sum_block - 1) / sum_block;
    std::vector<double> partial(static_cast<std::size_t>(s.outer * blocks * s.inner)), sums(static_cast<std::size_t>(s.outer * s.inner));
#pragma omp parallel for schedule(static) if (x.elements() >= parallel_from)
    for (std::int64_t i = 0; i < s.outer * blocks * tiles; ++i) {
        const std::int64_t column = i % tiles * column_tile, row = i / tiles, o = row / blocks, first = row % blocks * sum_block;
        column_block(in, s, o, column, std::min(column_tile, s.inner - column), first, std::min(s.n, first + sum_block),
                     mean != nullptr ? mean + o * s.inner + column : nullptr, partial.data() + row * s.inner + column);
    }
    for (std::int64_t row = 0; row < s.outer * blocks; ++row) {
        for (std::int64_t i = 0; i < s.inner; ++i) sums[static_cast<std::size_t>(row / blocks * s.inner + i)] += partial[static_cast<std::size_t>(row * s.inner + i)];
    }
    return sums;
}

// Calls body(in, o, column, width) for each tile of columns of each x[o].
template <class Body>
void for_column_tiles(const Tensor& x, const Backend::ReduceShape& s, const Body& body) {
    const Reader<double> in(x);
    const std::int64_t tiles = (s.inner + column_tile - 1) / column_tile;
#pragma omp parallel for schedule(static) if (x.elements() >= parallel_from)
    for (std::int64_t i = 0; i < s.outer * tiles; ++i) {
        const std::int64_t o = i / tiles, column = i % tiles * column_tile, width = std::min(column_tile, s.inner - column);
        body(in, o, column, width);
    }
}

std::vector<double> maxima(const Tensor& x, const Backend::ReduceShape& s) {
    std::vector<double> best(static_cast<std::size_t>(s.outer * s.inner), -std::numeric_limits<double>::infinity());
    for_column_tiles(x, s, [&](const Reader<double>& in, std::int64_t o, std::int64_t column, std::int64_t width) {
        double* tile = best.data() + o * s.inner + column;
        if (s.inner > 1) {
            for_rows(in, o * s.n * s.inner, s.inner, column, width, 0, s.n,
                     [&](std::int64_t, const double* values) { reduce_kernels().max_columns(values, static_cast<std::size_t>(width), tile); });
            return;
        }
        alignas(64) double buffer[lane_block];
        for (std::int64_t k = 0; k < s.n; k += lane_block) {
            const std::int64_t count = std::min(lane_block, s.n - k);
            const double* values = in.read(o * s.n + k, count, buffer);
            for (std::int64_t j = 0; j < count; ++j) {
                if (!(values[j] <= *tile) && *tile == *tile) *tile = values[j];
            }
        }
    });
    return best;
}

}  // namespace

double ordered_sum(const double* x, std::int64_t n) {
    double sum = 0;
    for (std::int64_t begin = 0; begin < n; begin += sum_block) sum += block_sum(x + begin, std::min(sum_block, n - begin), nullptr);
    return sum;
}

std::vector<double> ordered_sums(const Tensor& x, const Backend::ReduceShape& shape, const double* mean) {
    return shape.inner == 1 ? row_sums(x, shape, mean) : column_sums(x, shape, mean);
}

void CpuBackend::reduce(core::Reduction kind, const Tensor& x, const ReduceShape& shape, Tensor& y, const RoundingMode& mode) {
    const std::vector<double> zeros(kind == core::Reduction::squares ? static_cast<std::size_t>(shape.outer * shape.inner) : 0);
    std::vector<double> result = kind == core::Reduction::max ? maxima(x, shape) : ordered_sums(x, shape, zeros.empty() ? nullptr : zeros.data());
    const double n = static_cast<double>(shape.n);
    const auto divide = [&] {
        for (double& value : result) value /= n;
    };
    if (kind == core::Reduction::mean || kind == core::Reduction::variance) divide();
    if (kind == core::Reduction::variance) {
        const std::vector<double> mean = std::move(result);
        result = ordered_sums(x, shape, mean.data());
        divide();
    }
    count_nan(Writer<double>(y, mode).finish(0, y.elements(), result.data()));
}

void CpuBackend::argmax(const Tensor& x, const ReduceShape& shape, Tensor& y) {
    std::int32_t* index = static_cast<std::int32_t*>(y.mutable_data());
    for_column_tiles(x, shape, [&](const Reader<double>& in, std::int64_t o, std::int64_t column, std::int64_t width) {
        double best[column_tile];
        std::int32_t* where = index + o * shape.inner + column;
        for_rows(in, o * shape.n * shape.inner, shape.inner, column, width, 0, shape.n, [&](std::int64_t k, const double* values) {
            for (std::int64_t i = 0; i < width; ++i) {
                if (k != 0 && (values[i] <= best[i] || best[i] != best[i])) continue;
                best[i] = values[i];
                where[i] = static_cast<std::int32_t>(k);
            }
        });
    });
}

}  // namespace taper
