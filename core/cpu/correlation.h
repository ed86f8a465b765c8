// Correlation: a convolution of framed images with packed weights, as what its drivers are told.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <taper/core/cpu/conv_frame.h>
#include <taper/core/cpu/conv_phase.h>
#include <taper/core/cpu/product_kernels.h>
#include <taper/formats/convert.h>

namespace taper::cpu {

// A convolution of stride 1 over the planes of frames, or several whose outputs interleave.
template <class Images>
struct Correlation {
    using Element = typename Images::Element;

    const ProductKernels<Element>& kernels;
    Frame frame;  // its channels are planes of elements
    Images input;
    std::int64_t images, lines;  // lines: output channels of the group
    std::int64_t rows, columns;  // of an output map
    std::int64_t height;         // lines of a panel
    std::int64_t step;
    std::vector<Phase<Element>> phases;
    const float* bias;  // of each line, or null
    const Encoder& encoder;
    unsigned char* output;
    int output_width;

    float bias_of(std::int64_t line) const { return bias == nullptr ? 0 : bias[line]; }
    std::int64_t panel_count() const { return (lines + height - 1) / height; }
    std::int64_t depth() const {
        std::int64_t sum = 0;
        for (const Phase<Element>& phase : phases) sum += phase.depth;
        return sum;
    }
    // Rows and columns of the maps that a phase computes of `rows` rows from a multiple of `step` on.
    std::int64_t rows_of(const Phase<Element>& phase, std::int64_t rows) const { return std::max<std::int64_t>(0, (rows - phase.row + step - 1) / step); }
    std::int64_t columns_of(const Phase<Element>& phase) const { return std::max<std::int64_t>(0, (columns - phase.column + step - 1) / step); }

    std::int64_t index(std::int64_t image, std::int64_t line, std::int64_t row) const {
        return (((image * input.groups + input.group) * lines + line) * rows + row) * columns;
    }
    // Where the values of an image's map of one line are to be put from `row` on, before encode_rows(): `buffer`, or the output itself.
    float* place(std::int64_t image, std::int64_t line, std::int64_t row, float* buffer) const {
        const bool is_float32 = std::holds_alternative<Float32>(encoder.format.family()) && encoder.format.scaling() == Scaling::none;
        return is_float32 ? reinterpret_cast<float*>(output) + index(image, line, row) : buffer;
    }
    // Rounds `count` rows that lie in `values`; returns how many NaN had no code.
    std::size_t encode_rows(std::int64_t image, std::int64_t line, std::int64_t row, std::int64_t count, const float* values) const {
        const std::int64_t first = index(image, line, row);
        unsigned char* const codes = output + first * output_width;
        if (static_cast<const void*>(codes) == values) return 0;
        return encoder(values, static_cast<std::size_t>(count * columns), codes, static_cast<std::uint64_t>(first));
    }
};

// Sums of one phase, [rows][columns] at `stride`, and the bias to every step-th row and column of `dense`.
inline void scatter(const float* sums, std::int64_t stride, std::int64_t rows, std::int64_t columns, float bias, float* dense, std::int64_t dense_columns,
                    std::int64_t step) {
    for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < columns; ++j) dense[i * step * dense_columns + j * step] = sums[i * stride + j] + bias;
    }
}

}  // namespace taper::cpu
