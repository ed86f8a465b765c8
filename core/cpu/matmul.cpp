// Matrix products: panels decoded while they are packed, a tile kernel over them, rows encoded while they are in the cache.
#include <algorithm>

#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/bfloat_panel.h>
#include <taper/core/cpu/matmul.h>
#include <taper/core/cpu/panel.h>
#include <taper/core/cpu/scratch.h>
#include <taper/core/cpu/split.h>
#include <taper/core/cpu/sums.h>

namespace taper {

namespace cpu {

namespace {

// Elements of a panel's line, lines of a and of b that are packed at a time: about 256 and 768 KiB.
constexpr std::int64_t element_block = 384, row_block = 168, column_block = 512;

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

template <class Element, class Source>
struct Product {
    const ProductKernels<Element>& kernels;
    Source a, b;
    std::int64_t depth;
    std::int64_t first;  // index in y of this matrix
};

// Tiles of one panel of a against panels of b covering n columns; sums [rows][stride].
template <class Element>
void multiply_strip(const ProductKernels<Element>& kernels, Tile<Element> tile, std::int64_t rows, std::int64_t n, std::int64_t b_step) {
    const std::int64_t lanes = kernels.lanes;
    for (std::int64_t j = 0; j < n; j += 2 * lanes, tile.b += b_step, tile.c += 2 * lanes) (n - j > lanes ? kernels.wide : kernels.narrow)[rows](tile);
}

// Sums of one block of columns over all terms: packed blocks of terms one after the other, k ascending.
template <class Element, class Source>
void multiply_columns(const Product<Element, Source>& product, const Range& m, const Range& n, const RowEncoder& encode) {
    const ProductKernels<Element>& kernels = product.kernels;
    const std::int64_t lanes = kernels.lanes, wide = 2 * lanes, height = even_width(m.size(), kernels.rows);
    const std::int64_t rows = std::max(row_block / height, std::int64_t{1}) * height;
    constexpr std::int64_t depth_block = element_block * terms_of_element<Element>;
    const std::int64_t depth = elements_of<Element>(std::min(product.depth, depth_block)), c_stride = (n.size() + wide - 1) / wide * wide + lanes;
    const bool one_pass = product.depth <= depth_block;
    Element* const left = thread_scratch<Element>(Scratch::left, (std::min(rows, m.size()) + height - 1) / height * panel_size(height, depth));
    Element* const right = thread_scratch<Element>(Scratch::right, (n.size() + wide - 1) / wide * panel_size(wide, depth));
    float* const sums = thread_scratch<float>(Scratch::sums, (one_pass ? height : m.size()) * c_stride);
    std::int64_t* const offset = thread_scratch<std::int64_t>(Scratch::offsets, depth);
    for (std::int64_t k = 0; k < depth; ++k) offset[k] = k * wide;
    std::int64_t k = 0;
    do {
        const std::int64_t terms = std::min(depth_block, product.depth - k), elements = elements_of<Element>(terms);
        pack_panels(kernels, product.b, {n.begin, n.size(), k, terms}, wide, right);
        for (std::int64_t block = m.begin; block < m.end; block += rows) {
            const std::int64_t end = std::min(block + rows, m.end);
            pack_panels(kernels, product.a, {block, end - block, k, terms}, height, left);
            for (std::int64_t row = block; row < end; row += height) {
                const std::int64_t strip = std::min(height, end - row);
                const Tile<Element> tile{.depth = elements,
                                         .a = left + (row - block) / height * panel_size(height, elements),
                                         .a_stride = height,
                                         .b = right,
                                         .offset = offset,
                                         .c = one_pass ? sums : sums + (row - m.begin) * c_stride,
                                         .c_stride = c_stride,
                                         .add = k > 0};
                multiply_strip(kernels, tile, strip, n.size(), panel_size(wide, elements));
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

// The source with its place in the tensor changed.
template <class Source>
Source source_of(Source source, std::int64_t offset, std::int64_t stride, bool terms_are_neighbours) {
    source.offset = offset;
    source.stride = stride;
    source.terms_are_neighbours = terms_are_neighbours;
    return source;
}

// Operands as panels of Element.
template <class Element, class Source>
std::size_t multiply(const Backend::MatmulShape& shape, const ProductKernels<Element>& kernels, const Source& a, const Source& b, const Tensor& bias, Tensor& y,
                     const RoundingMode& mode) {
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
        const Product<Element, Source> product{kernels, source_of(a, shape.a_offset[matrix], shape.transpose_a ? shape.m : shape.k, !shape.transpose_a),
                                               source_of(b, shape.b_offset[matrix], shape.transpose_b ? shape.k : shape.n, shape.transpose_b), shape.k,
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

std::size_t float32_matmul(const Backend::MatmulShape& shape, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y, const RoundingMode& mode) {
    if (const BfloatKernels* const bfloat = bfloat_kernels(a.format(), b.format())) {
        const BfloatCodes a_codes(a), b_codes(b);
        return multiply(shape, bfloat->product, BfloatPanelSource{*bfloat, a_codes, 0, 0, true}, BfloatPanelSource{*bfloat, b_codes, 0, 0, true}, bias, y,
                        mode);
    }
    const CodeReader a_codes(a), b_codes(b);
    return multiply(shape, product_kernels(), PanelSource{a_codes, 0, 0, true}, PanelSource{b_codes, 0, 0, true}, bias, y, mode);
}

}  // namespace cpu

void CpuBackend::matmul(const MatmulShape& shape, const Accumulator& accumulator, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y,
                        const Epilogue& epilogue) {
    const auto problem = [&]<class Real>() { return cpu::sum_problem<Real>(matmul_sums(shape), a, b, bias); };
    const cpu::SumCall call{accumulator, a.format(), b.format(), y, epilogue};
    if (cpu::sums_in_float64(accumulator, a, b, bias))
        count_nan(cpu::float64_sums(problem.template operator()<double>(), call));
    else if (accumulator.kind() != Accumulator::Kind::float32)
        count_nan(cpu::sum_products(call, problem));
    else
        count_nan(cpu::float32_matmul(shape, a, b, bias, y, epilogue));
    finish(epilogue, y);
}

}  // namespace taper
