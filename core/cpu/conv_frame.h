// Frame: one decoded image with zeros around it, laid out so that every term of a convolution is one contiguous run.
#pragma once

#include <cstdint>

#include <taper/core/conv_sizes.h>
#include <taper/core/cpu/product_kernels.h>

namespace taper::cpu {

// Pixel (i, j) of a channel lies at row i * step + top, column j * step + left of the frame, pixels outside are dropped; everything else is 0.
// The frame is cut into phases * phases planes by row and column modulo `phases`, so that a kernel element that visits every
// `phases`-th pixel reads neighbours.  An output (p, q) of the convolution reads at p * plane_columns() + q from the offset of its term;
// columns of a plane beyond the outputs' are computed and thrown away.
struct Frame {
    std::int64_t channels, height, width;  // of the image
    std::int64_t rows, columns;            // of the frame
    std::int64_t step, top, left, phases;

    std::int64_t plane_rows() const { return (rows + phases - 1) / phases; }
    std::int64_t plane_columns() const { return (columns + phases - 1) / phases; }
    std::int64_t plane() const { return plane_rows() * plane_columns(); }
    std::int64_t channel() const { return phases * phases * plane(); }
    // Elements to allocate: vectors read past the last pixel.
    std::int64_t size() const { return channels * channel() + 64; }
    // Where row y, column x of channel c lies.
    std::int64_t at(std::int64_t c, std::int64_t y, std::int64_t x) const {
        return c * channel() + (y % phases * phases + x % phases) * plane() + y / phases * plane_columns() + x / phases;
    }
    // offsets[k] = at(c, r dilation, s dilation) for k = (c, r, s), over the kernel's rows and columns.
    void term_offsets(const ConvSizes& sizes, std::int64_t* offsets) const;
    // Copies an image, [channels, height, width], into `frame`, whose other elements are 0.  Element: float, Bfloat or BfloatPair.
    template <class Element>
    void place(RowCopy<Element> copy_rows, const Element* image, Element* frame) const;
    void place(const ProductKernels<float>& kernels, const float* image, float* frame) const { place(kernels.move_rows, image, frame); }
};

}  // namespace taper::cpu
