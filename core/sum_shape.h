// SumShape: a matrix product, a convolution or one of its gradients as one shape of work, the same on every device.  Every output is a sum of
// products of elements of two operands, and each element lies at an offset of its line plus an offset of its term:
//   y[base.output + left.output(i) + right.output(j)] = r(bias + sum_k left(i, k) right(j, k)),  side(i, k) = values[base + line(i) + term(k)]
#pragma once

#include <initializer_list>
#include <vector>

#include <taper/core/backend.h>
#include <taper/core/conv_sizes.h>
#include <taper/formats/host_device.h>

namespace taper {

// Element (i_0, i_1, ...), the last index fastest, lies at first + sum_k i_k strides_k.
struct Grid {
    struct Axis {
        std::int64_t size, stride;
    };
    static constexpr int most_axes = 3;
    std::int64_t first = 0;
    int axes = 0;
    Axis axis[most_axes] = {};

    Grid() = default;
    Grid(std::initializer_list<Axis> list, std::int64_t at = 0) : first(at) {
        for (const Axis& a : list) axis[axes++] = a;
    }
    TAPER_FN std::int64_t size() const {
        std::int64_t n = 1;
        for (int k = 0; k < axes; ++k) n *= axis[k].size;
        return n;
    }
    TAPER_FN std::int64_t operator()(std::int64_t i) const {
        std::int64_t at = first;
        for (int k = axes - 1; k >= 0; --k) {
            at += i % axis[k].size * axis[k].stride;
            i /= axis[k].size;
        }
        return at;
    }
};

// Planes [height, width] of a tensor, each set into zeros: pixel (i, j) at row i * step + top, column j * step + left; pixels outside are dropped.
struct Framing {
    std::int64_t planes = 0, height = 0, width = 0, rows = 0, columns = 0, step = 1, top = 0, left = 0;
    std::int64_t plane() const { return rows * columns; }
    bool changes_nothing() const { return step == 1 && top == 0 && left == 0 && rows == height && columns == width; }
};

struct SumSideShape {
    Framing framing;         // of no planes: the tensor is read as it lies
    Grid line, term, output;  // output: of each line, what it adds to the index of an output
};

struct SumBase {
    std::int64_t left, right, output;
    std::int64_t bias = 0;  // of the first row or column
};

struct SumShape {
    SumSideShape left, right;    // left: rows; right: columns
    std::vector<SumBase> batch;  // one problem each, over the same lines and terms
    bool bias_of_rows = false;   // else of columns

    std::int64_t rows() const { return left.line.size(); }
    std::int64_t columns() const { return right.line.size(); }
    std::int64_t terms() const { return left.term.size(); }
};

// a [M, K], left, and b [K, N], right, of each batch entry; rows m, columns n, k ascending.
SumShape matmul_sums(const Backend::MatmulShape& shape);
// Weights left, images right.  Of each group: rows o, columns (n, p, q), terms (c, r, s) of x framed with zeros.
SumShape conv2d_sums(const ConvSizes& sizes);
// Weights left, dy right.  Of each group: rows c, columns (n, h, w), terms (o, r, s) of the flipped kernels over dy with zeros between and around its elements.
SumShape conv2d_backward_data_sums(const ConvSizes& sizes);
// dy left, images right.  Of each group: rows o, columns (c, r, s), terms (n, p, q).
SumShape conv2d_backward_weights_sums(const ConvSizes& sizes);

}  // namespace taper
