// Phases: the convolutions of stride 1 whose outputs interleave to the gradient of a strided convolution's images.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

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

// Rows (or columns) of the gradient that leave `phase` when divided by `step` in the padded image.
struct PhaseLine {
    std::int64_t first;  // of them
    std::int64_t taps;   // rows phase + step j of the kernel that reach them, j in [0, taps)
    std::int64_t read;   // row of dy that tap 0 reads for the first; tap j reads j above

    PhaseLine(std::int64_t phase, std::int64_t step, std::int64_t padding, std::int64_t kernel)
        : first(((phase - padding) % step + step) % step), taps((kernel - phase + step - 1) / step), read((first + padding) / step) {}
};

// Rows of zeros above dy: what the taps read there.
inline std::int64_t rows_above(std::int64_t step, std::int64_t padding, std::int64_t kernel) {
    std::int64_t above = std::numeric_limits<std::int64_t>::min();
    for (std::int64_t phase = 0; phase < std::min(step, kernel); ++phase) {
        const PhaseLine line(phase, step, padding, kernel);
        above = std::max(above, line.taps - 1 - line.read);
    }
    return above;
}

// The elements (r, s) of a kernel that a phase uses: first + row_step j + column_step l of the `area` of them.
struct PhaseTaps {
    PhaseLine rows, columns;
    std::int64_t area, first, row_step, column_step;

    std::int64_t count() const { return rows.taps * columns.taps; }
    // Where in the frame of dy the terms (o, j, l) of the phase's first output lie; returns the end.
    std::int64_t* write_offsets(const Frame& frame, std::int64_t* offsets) const {
        for (std::int64_t o = 0; o < frame.channels; ++o) {
            for (std::int64_t j = 0; j < rows.taps; ++j) {
                for (std::int64_t l = 0; l < columns.taps; ++l) *offsets++ = frame.at(o, rows.read - j + frame.top, columns.read - l + frame.left);
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
                    for (std::int64_t l = 0; l < columns.taps; ++l, to += height)
                        std::copy_n(packed + (o * area + first + j * row_step + l * column_step) * height, height, to);
                }
            }
        }
        return panels;
    }
};

}  // namespace taper::cpu
