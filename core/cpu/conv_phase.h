// Phases: the convolutions of stride 1 whose outputs interleave to the gradient of a strided convolution's images.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>

#include <taper/core/cpu/conv_frame.h>
#include <taper/core/cpu/panel.h>

namespace taper::cpu {

// Outputs (row + step i, column + step j).
template <class Element>
struct Phase {
    std::int64_t row, column, depth;
    const Element* panels;        // packed weights
    const std::int64_t* offsets;  // of the terms for output (row, column)
};

// Rows (or columns) first, first + step, ... of the gradient.  Output row h reads row (h + padding - r dilation) / step of dy with the rows r of the kernel
// for which that is an integer: tap, tap + tap_step, ...
struct PhaseLine {
    std::int64_t first, tap_step;
    std::int64_t tap, taps = 0;  // how many there are
    std::int64_t read, apart;    // row of dy that `tap` reads for `first`; each further tap reads `apart` above

    PhaseLine(std::int64_t first_row, std::int64_t step, const ConvSizes& z, std::int64_t kernel)
        : first(first_row), tap_step(step / std::gcd(step, z.dilation)), tap(0) {
        while (tap < std::min(tap_step, kernel) && (first + z.padding - tap * z.dilation) % step != 0) ++tap;
        if (tap < std::min(tap_step, kernel)) taps = (kernel - tap - 1) / tap_step + 1;
        read = (first + z.padding - tap * z.dilation) / step;
        apart = tap_step * z.dilation / step;
    }
};

// Rows of zeros above dy: what the taps of the phases of `rows` rows read there.
inline std::int64_t rows_above(std::int64_t rows, std::int64_t step, const ConvSizes& z, std::int64_t kernel) {
    std::int64_t above = -z.padding / step;
    for (std::int64_t first = 0; first < std::min(step, rows); ++first) {
        const PhaseLine line(first, step, z, kernel);
        if (line.taps > 0) above = std::max(above, (line.taps - 1) * line.apart - line.read);
    }
    return above;
}

// The elements (r, s) of a kernel of `area` elements, `width` a row, that a phase uses.
struct PhaseTaps {
    PhaseLine rows, columns;
    std::int64_t area, width;

    std::int64_t count() const { return rows.taps * columns.taps; }
    // Where in the frame of dy the terms (o, j, l) of the phase's first output lie; returns the end.
    std::int64_t* write_offsets(const Frame& frame, std::int64_t* offsets) const {
        for (std::int64_t o = 0; o < frame.channels; ++o) {
            for (std::int64_t j = 0; j < rows.taps; ++j) {
                for (std::int64_t l = 0; l < columns.taps; ++l)
                    *offsets++ = frame.at(o, rows.read - j * rows.apart + frame.top, columns.read - l * columns.apart + frame.left);
            }
        }
        return offsets;
    }
    // The terms (o, j, l) of packed panels with terms (o, r, s), as panels of their own; returns the end.
    template <class Element>
    Element* pick_panels(const Element* packed, std::int64_t planes, std::int64_t lines, std::int64_t height, Element* panels) const {
        for (std::int64_t line = 0; line < lines; ++line, packed += panel_size(height, planes * area), panels += panel_size(height, planes * count())) {
            Element* to = panels;
            for (std::int64_t o = 0; o < planes; ++o) {
                for (std::int64_t j = 0; j < rows.taps; ++j) {
                    const Element* const row = packed + (o * area + (rows.tap + j * rows.tap_step) * width + columns.tap) * height;
                    for (std::int64_t l = 0; l < columns.taps; ++l, to += height) std::copy_n(row + l * columns.tap_step * height, height, to);
                }
            }
        }
        return panels;
    }
};

}  // namespace taper::cpu
