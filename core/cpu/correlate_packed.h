// Correlation over small maps: outputs of several images side by side, since the rows of one fill no vectors.
#pragma once

#include <cstring>

#include <taper/core/cpu/correlation.h>
#include <taper/core/cpu/panel.h>
#include <taper/core/cpu/scratch.h>
#include <taper/core/cpu/split.h>

namespace taper::cpu {

constexpr std::int64_t packed_columns = 128;  // outputs of a phase that are summed together, about
constexpr std::int64_t packed_terms = 384;    // packed at a time: a panel of them stays in the first-level cache
constexpr std::int64_t packed_run = 4;        // neighbouring outputs that are copied together

// Images whose outputs are packed together: a function of the shape alone.
template <class Images>
std::int64_t packed_images(const Correlation<Images>& task) {
    return std::max<std::int64_t>(1, packed_columns * task.step * task.step / (task.rows * task.columns));
}

// Whether packing costs less than the tiles that are computed in vain over frames: in cycles of a term, a tile takes one for each of its lines, and
// one in 16 is lost where the terms of a tile over frames leave the first-level cache.
template <class Images>
bool packs_columns(const Correlation<Images>& task) {
    const std::int64_t lanes = task.kernels.lanes, pack = 2 * lanes / packed_run + 2;
    std::int64_t packed = 0, over_frames = 0;
    for (const auto& phase : task.phases) {
        const std::int64_t rows = task.rows_of(phase, task.rows), columns = task.columns_of(phase);
        if (rows == 0 || columns % packed_run != 0) return false;
        const std::int64_t run = (rows - 1) * task.frame.plane_columns() + columns;
        packed += (rows * columns + lanes - 1) / lanes * (task.lines + pack);
        over_frames += (run + lanes - 1) / lanes * task.lines;
    }
    return packed * 16 < over_frames * (task.phases[0].depth > packed_terms ? 17 : 16);
}

// The outputs of one phase of a group of images, in panels of `width`.
struct PackedMaps {
    std::int64_t images, rows, columns, width;
    std::int64_t count() const { return images * rows * columns; }
    std::int64_t panels() const { return (count() + width - 1) / width; }
    std::int64_t stride() const { return panels() * width; }  // of a line of sums
};

// to[k * width + i] = frames[place of output `first` + i, + offsets[k]], k in [0, depth); outputs past the last repeat the first.
template <class Element>
void pack_columns(const PackedMaps& maps, const Frame& frame, const Element* frames, const std::int64_t* offsets, std::int64_t depth, std::int64_t first,
                  Element* to) {
    constexpr std::int64_t most_runs = 2 * 16 / packed_run;
    const Element* from[most_runs];
    const std::int64_t runs = maps.width / packed_run;
    for (std::int64_t run = 0; run < runs; ++run) {
        const std::int64_t index = first + run * packed_run < maps.count() ? first + run * packed_run : 0, row = index / maps.columns;
        from[run] = frames + row / maps.rows * frame.size() + row % maps.rows * frame.plane_columns() + index % maps.columns;
    }
    for (std::int64_t k = 0; k < depth; ++k) {
        for (std::int64_t run = 0; run < runs; ++run, to += packed_run) std::memcpy(to, from[run] + offsets[k], packed_run * sizeof(Element));
    }
}

// Sums of one phase: [line - first line][maps.stride()].
template <class Images>
void sum_packed(const Correlation<Images>& task, const Phase<typename Images::Element>& phase, const PackedMaps& maps, const Range& panels,
                const typename Images::Element* frames, float* sums) {
    using Element = typename Images::Element;
    Element* const packed = thread_scratch<Element>(Scratch::errors, maps.panels() * packed_terms * maps.width);
    std::int64_t* const offset = thread_scratch<std::int64_t>(Scratch::partial, packed_terms);
    for (std::int64_t k = 0; k < packed_terms; ++k) offset[k] = k * maps.width;
    for (std::int64_t k = 0; k < phase.depth; k += packed_terms) {
        const std::int64_t depth = std::min(packed_terms, phase.depth - k), size = depth * maps.width;
        for (std::int64_t i = 0; i < maps.panels(); ++i) pack_columns(maps, task.frame, frames, phase.offsets + k, depth, i * maps.width, packed + i * size);
        for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
            const std::int64_t line = panel * task.height, lines = std::min(task.height, task.lines - line);
            Tile<Element> tile{.depth = depth,
                               .a = phase.panels + panel * panel_size(task.height, phase.depth) + k * task.height,
                               .a_stride = task.height,
                               .b = packed,
                               .offset = offset,
                               .c = sums + (line - panels.begin * task.height) * maps.stride(),
                               .c_stride = maps.stride(),
                               .add = k > 0};
            for (std::int64_t i = 0; i < maps.panels(); ++i, tile.b += size, tile.c += maps.width) task.kernels.wide[lines](tile);
        }
    }
}

// Images [images.begin, images.end), framed in `frames`, and panels [panels.begin, panels.end) of lines.
template <class Images>
std::size_t correlate_packed(const Correlation<Images>& task, const Range& images, const Range& panels, const typename Images::Element* frames) {
    const std::int64_t step = task.step, map = task.rows * task.columns, first = panels.begin * task.height;
    const std::int64_t lines = std::min(panels.end * task.height, task.lines) - first;
    const auto maps_of = [&](const auto& phase) {
        return PackedMaps{images.size(), task.rows_of(phase, task.rows), task.columns_of(phase), 2 * task.kernels.lanes};
    };
    std::int64_t size = 0;
    for (const auto& phase : task.phases) size += lines * maps_of(phase).stride();
    float* const all = thread_scratch<float>(Scratch::sums, size);
    float* const dense = thread_scratch<float>(Scratch::row, map);
    float* sums = all;
    for (const auto& phase : task.phases) {
        sum_packed(task, phase, maps_of(phase), panels, frames, sums);
        sums += lines * maps_of(phase).stride();
    }
    std::size_t nans = 0;
    for (std::int64_t n = 0; n < images.size(); ++n) {
        for (std::int64_t line = 0; line < lines; ++line) {
            float* const values = task.place(images.begin + n, first + line, 0, dense);
            sums = all;
            for (const auto& phase : task.phases) {
                const PackedMaps maps = maps_of(phase);
                scatter(sums + line * maps.stride() + n * maps.rows * maps.columns, maps.columns, maps.rows, maps.columns, task.bias_of(first + line),
                        values + phase.row * task.columns + phase.column, task.columns, step);
                sums += lines * maps.stride();
            }
            nans += task.encode_rows(images.begin + n, first + line, 0, task.rows, values);
        }
    }
    return nans;
}

}  // namespace taper::cpu
