// The innermost loops of sums of products, compiled once per CPU level (product_kernels.cpp), as the table that the drivers are given.
// Another way of accumulating is another table of this shape, over its own panel element.
#pragma once

#include <cstdint>

#include <taper/formats/cpu_level.h>

namespace taper {

// c[i * c_stride + j] (+)= sum_k a[k * a_stride + i] * b[offset[k] + j],  i in [0, rows), j in [0, columns), k ascending.
// `offset` lets one kernel serve packed panels (offset[k] = k * columns) and convolution (where in the image term k reads).
template <class Element>
struct Tile {
    std::int64_t depth;
    const Element* a;
    std::int64_t a_stride;
    const Element* b;
    const std::int64_t* offset;
    float* c;
    std::int64_t c_stride;
    bool add;  // to what c holds; else c is overwritten
};

// c[i * columns + j] += sum over runs n and q in [0, length) of a[n * a_step + i * a_stride + q] * b[n * b_step + offset[j] + q];
// length is a multiple of `lanes`.
template <class Element>
struct DotTile {
    std::int64_t runs, length;
    const Element* a;
    std::int64_t a_step, a_stride;
    const Element* b;
    std::int64_t b_step;
    const std::int64_t* offset;
    float* c;
};

// to[i * to_stride + j] = from[i * from_stride + j], i in [0, rows), j in [0, columns): nothing else is read or written.
template <class Element>
using RowCopy = void (*)(const Element* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, Element* to, std::int64_t to_stride);

template <class Element>
struct ProductKernels {
    static constexpr int rows_limit = 14, dot_rows_limit = 5;

    int rows;                                              // of the largest tile
    int lanes;                                             // columns of a narrow tile; a wide one has twice as many
    void (*narrow[rows_limit + 1])(const Tile<Element>&);  // [rows of the tile]
    void (*wide[rows_limit + 1])(const Tile<Element>&);

    // Packing.  Both may write up to `lanes` - 1 elements too far, to be overwritten by the k that follows: `to` has room for them at its end.
    // transpose: to[k * to_stride + i] = from[i * from_stride + k], i in [0, rows), k in [0, depth).
    void (*transpose)(const Element* from, std::int64_t from_stride, std::int64_t rows, std::int64_t depth, Element* to, std::int64_t to_stride);
    // spread: to[i / width * to_step + i % width] = from[i], i in [0, count): one k of panels of `width`.
    void (*spread)(const Element* from, std::int64_t count, std::int64_t width, Element* to, std::int64_t to_step);
    RowCopy<Element> move_rows;
    // The same with `add` added to each element.
    void (*copy_rows)(const Element* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, Element add, Element* to, std::int64_t to_stride);

    int dot_rows, dot_columns;
    void (*dot[dot_rows_limit + 1])(const DotTile<Element>&);  // [rows]
};

namespace plain {
const ProductKernels<float>& product_kernels();
}
namespace avx2 {
const ProductKernels<float>& product_kernels();
}
namespace avx512 {
const ProductKernels<float>& product_kernels();
}

// Those of this machine's level (cpu_level.h).
const ProductKernels<float>& product_kernels();

}  // namespace taper
