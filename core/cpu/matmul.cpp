// Matrix products: panels decoded while they are packed, a tile kernel over them, rows encoded while they are in the cache.
#include <algorithm>

#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/panel.h>
#include <taper/core/cpu/scratch.h>
#include <taper/core/cpu/split.h>
#include <taper/core/cpu/sums.h>

namespace taper {

namespace cpu {

namespace {

constexpr std::int64_t depth_block = 384, row_block = 168, column_block = 512;  // packed: about 256 and 768 KiB
// Rounds rows of finished sums into y.
struct RowEncoder {
    const Encoder& encoder;
    unsigned char* codes;
    int width;
    const float* bias;  // of each column, or null
    std::int64_t columns;
    mutable std::size_t nans = 0;

    void operator()(std::int64_t first, std::int64_t row, const Range& n, float* sums) const {
        if (bias != nullptr) {
            for (std::int64_t j = 0; j < n.size(); ++j) sums[j] += bias[n.begin + j];
        }
        const std::int64_t index = first + row * columns + n.begin;
        nans += encoder(sums, static_cast<std::size_t>(n.size()), codes + index * width, static_cast<std::uint64_t>(index));
    }
};

struct Product {
    const ProductKernels<float>& kernels;
    PanelSource a, b;
    std::int64_t depth;
    std::int64_t first;  // index in y of this matrix
};

// Tiles of one panel of a against panels of b covering n columns; sums [rows][stride].
void multiply_strip(const ProductKernels<float>& kernels, Tile<float> tile, std::int64_t rows, std::int64_t n, std::int64_t b_step) {
    const std::int64_t lanes = kernels.lanes;
    for (std::int64_t j = 0; j < n; j += 2 * lanes, tile.b += b_step, tile.c += 2 * lanes) (n - j > lanes ? kernels.wide : kernels.narrow)[rows](tile);
}

// Sums of one block of columns over all terms: packed blocks of terms one after the other, k ascending.
void multiply_columns(const Product& product, const Range& m, const Range& n, const RowEncoder& encode) {
    const ProductKernels<float>& kernels = product.kernels;
    const std::int64_t lanes = kernels.lanes, wide = 2 * lanes, height = even_width(m.size(), kernels.rows);
    const std::int64_t rows = std::max(row_block / height, std::int64_t{1}) * height;
    const std::int64_t depth = std::min(product.depth, depth_block), c_stride = (n.size() + wide - 1) / wide * wide + lanes;
    const bool one_pass = product.depth <= depth_block;
    float* const left = thread_scratch<float>(Scratch::left, (std::min(rows, m.size()) + height - 1) / height * panel_size(height, depth));
    float* const right = thread_scratch<float>(Scratch::right, (n.size() + wide - 1) / wide * panel_size(wide, depth));
    float* const sums = thread_scratch<float>(Scratch::sums, (one_pass ? height : m.size()) * c_stride);
    std::int64_t* const offset = thread_scratch<std::int64_t>(Scratch::offsets, depth);
    for (std::int64_t k = 0; k < depth; ++k) offset[k] = k * wide;
    std::int64_t k = 0;
    do {
        const std::int64_t terms = std::min(depth_block, product.depth - k);
        pack_panels(kernels, product.b, {n.begin, n.size(), k, terms}, wide, right);
        for (std::int64_t block = m.begin; block < m.end; block += rows) {
            const std::int64_t end = std::min(block + rows, m.end);
            pack_panels(kernels, product.a, {block, end - block, k, terms}, height, left);
            for (std::int64_t row = block; row < end; row += height) {
                const std::int64_t strip = std::min(height, end - row);
                const Tile<float> tile{.depth = terms,
                                       .a = left + (row - block) / height * panel_size(height, terms),
                                       .a_stride = height,
                                       .b = right,
                                       .offset = offset,
                                       .c = one_pass ? sums : sums + (row - m.begin) * c_stride,
                                       .c_stride = c_stride,
                                       .add = k > 0};
                multiply_strip(kernels, tile, strip, n.size(), panel_size(wide, terms));
                if (k + terms < product.depth) continue;
                for (std::int64_t i = 0; i < strip; ++i) encode(product.first, row + i, n, tile.c + i * c_stride);
            }
        }
        k += depth_block;
    } while (k < product.depth);
}

// How many parts rows and columns are cut into for `threads`: those that pack least in sum.
std::pair<std::int64_t, std::int64_t> grid(std::int64_t m, std::int64_t n, std::int64_t threads) {
    std::int64_t best = 1;
    for (std::int64_t rows = 1; rows <= threads; ++rows) {
        if (threads % rows == 0 && m / rows + n * rows / threads < m / best + n * best / threads) best = rows;
    }
    return {best, threads / best};
}

std::size_t float32_matmul(const Backend::MatmulShape& shape, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y, const RoundingMode& mode) {
    const ProductKernels<float>& kernels = product_kernels();
    const CodeReader a_codes(a), b_codes(b);
    const Encoder encoder(y.format(), mode);
    const float* const bias_values = bias.defined() ? CodeReader(bias).read(0, shape.n, thread_scratch<float>(Scratch::row, shape.n)) : nullptr;
    unsigned char* const codes = static_cast<unsigned char*>(y.mutable_data());
    const std::int64_t threads = threads_for(shape.batch * shape.m * shape.n * std::max<std::int64_t>(shape.k, 1));
    const std::pair<std::int64_t, std::int64_t> split = shape.batch >= threads ? std::pair<std::int64_t, std::int64_t>{1, 1} : grid(shape.m, shape.n, threads);
    const std::int64_t m_parts = split.first, n_parts = split.second;  // clang's OpenMP takes no structured bindings
    const std::int64_t parts = m_parts * n_parts, items = shape.batch * parts;
    std::size_t nans = 0;
#pragma omp parallel for schedule(static) reduction(+ : nans) num_threads(static_cast <int>(threads)) if (threads > 1)
    for (std::int64_t item = 0; item < items; ++item) {
        const std::int64_t index = item / parts;
        const std::size_t matrix = static_cast<std::size_t>(index);
        const Product product{kernels,
                              {a_codes, shape.a_offset[matrix], shape.transpose_a ? shape.m : shape.k, !shape.transpose_a},
                              {b_codes, shape.b_offset[matrix], shape.transpose_b ? shape.k : shape.n, shape.transpose_b},
                              shape.k,
                              index * shape.m * shape.n};
        const RowEncoder encode{encoder, codes, y.format().storage_bytes(), bias_values, shape.n};
        const Range m = part(shape.m, kernels.rows, item % parts / n_parts, m_parts), n = part(shape.n, 2 * kernels.lanes, item % n_parts, n_parts);
        if (m.size() == 0) continue;
        for (std::int64_t j = n.begin; j < n.end; j += column_block) multiply_columns(product, m, {j, std::min(j + column_block, n.end)}, encode);
        nans += encode.nans;
    }
    return nans;
}

}  // namespace

}  // namespace cpu

void CpuBackend::matmul(const MatmulShape& shape, const Accumulator& accumulator, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y,
                        const RoundingMode& mode) {
    const auto problem = [&]<class Real>() { return cpu::matmul_problem<Real>(shape, a, b, bias); };
    const cpu::SumCall call{accumulator, a.format(), b.format(), y, mode};
    if (cpu::sums_in_float64(accumulator, a, b, bias)) return count_nan(cpu::float64_sums(problem.template operator()<double>(), call));
    if (accumulator.kind() != Accumulator::Kind::float32) return count_nan(cpu::sum_products(call, problem));
    count_nan(cpu::float32_matmul(shape, a, b, bias, y, mode));
}

}  // namespace taper
