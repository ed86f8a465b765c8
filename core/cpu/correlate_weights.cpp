#include <algorithm>
#include <atomic>
#include <cstring>

#include <taper/core/cpu/conv_groups.h>
#include <taper/core/cpu/conv_images.h>
#include <taper/core/cpu/conv_unfold.h>
#include <taper/core/cpu/correlate.h>
#include <taper/core/cpu/matmul.h>
#include <taper/core/cpu/scratch.h>
#include <taper/core/cpu/split.h>
#include <taper/core/cpu/sums.h>

namespace taper::cpu {

namespace {

constexpr std::int64_t most_chunks = 16, partial_elements = std::int64_t{1} << 21, run_elements = 2048, cached_elements = 96 << 10;

// dw as tiles of [rows][columns] sums: lines o in panels of `rows`, terms (c, r, s) in groups of `columns`.
template <class Images>
struct WeightGradient {
    using Element = typename Images::Element;

    void (*const* dot)(const DotTile<Element>&);  // [rows]
    Images dy, x;
    Frame dy_frame, x_frame;
    std::int64_t images, lines, terms, rows, columns;
    const std::int64_t* offsets;  // of the terms in x's frame; the last one repeated up to a full group
    std::int64_t run;             // pixels of a line of dy at the width of x's frame, a multiple of the lanes of dot

    std::int64_t panels() const { return (lines + rows - 1) / rows; }
    std::int64_t groups() const { return (terms + columns - 1) / columns; }
    std::int64_t tile() const { return rows * columns; }
    std::int64_t partial_size() const { return panels() * groups() * tile(); }
};

// Chunks of images with a partial sum each: enough for threads, few enough that adding them up stays cheap.  A function of the shape alone.
template <class Images>
std::int64_t chunk_count(const WeightGradient<Images>& task) {
    std::int64_t chunks = 1;
    while (chunks * 2 <= std::min(most_chunks, task.images) && chunks * 2 * task.partial_size() <= partial_elements
           && (chunks < 4 || task.images / (chunks * 2) * task.run >= run_elements)) {
        chunks *= 2;
    }
    return chunks;
}

// Decodes image n of x and panels of dy into their frames.  False: x holds an infinity or a NaN.
template <class Images>
bool place_image(const WeightGradient<Images>& task, std::int64_t n, const Range& lines, typename Images::Element* x, typename Images::Element* dy) {
    const std::int64_t x_pixels = task.x.planes() * task.x.plane;
    auto* const decoded = thread_scratch<typename Images::Element>(Scratch::decoded, std::max(x_pixels, lines.size() * task.dy.plane) + 1);
    const auto* const image = task.x.read(n, 0, task.x.planes(), decoded);
    task.x.place(task.x_frame, image, x);
    const bool finite = all_finite(image, x_pixels);
    const auto* const errors = task.dy.read(n, lines.begin, lines.size(), decoded);
    for (std::int64_t o = 0; o < lines.size(); ++o) task.dy.place(task.dy_frame, errors + o * task.dy.plane, dy + o * task.run);
    return finite;
}

// Sums of images [images.begin, images.end) for panels [panels.begin, panels.end).  False: x holds an infinity or a NaN.
template <class Images>
bool sum_images(const WeightGradient<Images>& task, const Range& images, const Range& panels, float* sums) {
    using Element = typename Images::Element;
    const Range lines{panels.begin * task.rows, std::min(panels.end * task.rows, task.lines)};
    const std::int64_t x_size = task.x_frame.size(), dy_size = lines.size() * task.run;
    const std::int64_t block = std::clamp<std::int64_t>(cached_elements / (x_size + task.lines * task.run), 1, std::max<std::int64_t>(images.size(), 1));
    Element* const x = thread_scratch<Element>(Scratch::image, block * x_size);
    Element* const dy = thread_scratch<Element>(Scratch::errors, block * dy_size);
    std::memset(x, 0, static_cast<std::size_t>(block * x_size) * sizeof(Element));
    std::memset(dy, 0, static_cast<std::size_t>(block * dy_size) * sizeof(Element));
    std::memset(sums + panels.begin * task.groups() * task.tile(), 0, static_cast<std::size_t>(panels.size() * task.groups() * task.tile()) * sizeof(float));
    bool finite = true;
    for (std::int64_t first = images.begin; first < images.end; first += block) {
        const std::int64_t count = std::min(block, images.end - first);
        for (std::int64_t n = 0; n < count; ++n) finite &= place_image(task, first + n, lines, x + n * x_size, dy + n * dy_size);
        for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
            const std::int64_t line = panel * task.rows, rows = std::min(task.rows, task.lines - line);
            for (std::int64_t group = 0; group < task.groups(); ++group) {
                task.dot[rows]({.runs = count,
                                .length = task.run,
                                .a = dy + (line - lines.begin) * task.run,
                                .a_step = dy_size,
                                .a_stride = task.run,
                                .b = x,
                                .b_step = x_size,
                                .offset = task.offsets + group * task.columns,
                                .c = sums + (panel * task.groups() + group) * task.tile()});
            }
        }
    }
    return finite;
}

// dw[line of the group, :] from the chunks' partial sums, chunk after chunk.
template <class Images>
std::size_t finish_line(const WeightGradient<Images>& task, std::int64_t line, const float* partial, std::int64_t chunks, const Encoder& encoder, Tensor& dw) {
    float* const dense = thread_scratch<float>(Scratch::row, task.terms);
    const float* const tiles = partial + line / task.rows * task.groups() * task.tile() + line % task.rows * task.columns;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
        const float* tile = tiles + chunk * task.partial_size();
        for (std::int64_t k = 0; k < task.terms; k += task.columns, tile += task.tile()) {
            const std::int64_t count = std::min(task.columns, task.terms - k);
            for (std::int64_t j = 0; j < count; ++j) dense[k + j] = chunk == 0 ? tile[j] : dense[k + j] + tile[j];
        }
    }
    const std::int64_t index = (task.dy.group * task.lines + line) * task.terms;
    unsigned char* const codes = static_cast<unsigned char*>(dw.mutable_data()) + index * dw.format().storage_bytes();
    return encoder(dense, static_cast<std::size_t>(task.terms), codes, static_cast<std::uint64_t>(index));
}

// What a kernel of dot products is: rows and columns of its largest tile, and the multiple of which its runs are.
template <class Element>
struct Dot {
    void (*const* kernels)(const DotTile<Element>&);
    std::int64_t rows, columns, lanes;
};

// The gradient of one group; all_finite becomes false where x holds an infinity or a NaN.
template <class Images>
std::size_t backward_weights(const ConvSizes& z, const Dot<typename Images::Element>& dot, const Images& dy, const Images& x, Tensor& dw,
                             const RoundingMode& mode, std::atomic<bool>& all_finite) {
    const Frame x_frame{z.c, z.h, z.w, z.h + 2 * z.padding, z.w + 2 * z.padding, 1, z.padding, z.padding, z.stride};
    const Frame dy_frame{1, z.p, z.q, z.p, x_frame.plane_columns(), 1, 0, 0, 1};
    const std::int64_t terms = z.c * z.r * z.s, last = (terms + dot.columns - 1) / dot.columns * dot.columns;
    std::int64_t* const offsets = thread_scratch<std::int64_t>(Scratch::offsets, last);
    x_frame.term_offsets(z, offsets);
    std::fill(offsets + terms, offsets + last, offsets[terms - 1]);
    const std::int64_t run = ((z.p - 1) * x_frame.plane_columns() + z.q + dot.lanes - 1) / dot.lanes * dot.lanes;
    const WeightGradient<Images> task{dot.kernels, dy, x, dy_frame, x_frame, z.n, z.o, terms, even_width(z.o, dot.rows), dot.columns, offsets, run};
    const std::int64_t chunks = chunk_count(task), threads = threads_for(z.n * z.o * terms * z.p * z.q);
    const std::int64_t splits = std::min(task.panels(), (threads + chunks - 1) / chunks);
    float* const partial = thread_scratch<float>(Scratch::partial, chunks * task.partial_size());
    bool finite = true;
#pragma omp parallel for schedule(static) reduction(&& : finite) num_threads(static_cast <int>(threads)) if (threads > 1)
    for (std::int64_t item = 0; item < chunks * splits; ++item) {
        const std::int64_t chunk = item / splits;
        finite = sum_images(task, part(z.n, 1, chunk, chunks), part(task.panels(), 1, item % splits, splits), partial + chunk * task.partial_size()) && finite;
    }
    if (!finite) {
        all_finite = false;
        return 0;
    }
    const Encoder encoder(dw.format(), mode);
    std::size_t nans = 0;
#pragma omp parallel for schedule(static) reduction(+ : nans) if (threads_for(chunks * z.o * terms * 4) > 1)
    for (std::int64_t line = 0; line < z.o; ++line) nans += finish_line(task, line, partial, chunks, encoder, dw);
    return nans;
}

// Rows of few pixels fill vectors badly, and sums over vectors cost most where there are few pixels: with enough lines, unfolding pays.
bool is_small(const ConvSizes& z, const Tensor& x) {
    constexpr std::int64_t small_row = 8, many_lines = 128, most_bytes = std::int64_t{32} << 20;
    const bool holds_zero = decode_one(x.format(), 0) == 0;  // what unfold() pads with
    return z.groups == 1 && holds_zero && z.q <= small_row && z.o >= many_lines && z.c * z.r * z.s * z.n * z.p * z.q * x.format().storage_bytes() <= most_bytes;
}

std::size_t unfolded_backward_weights(const ConvSizes& z, const Tensor& dy, const Tensor& x, Tensor& dw, const RoundingMode& mode) {
    const std::int64_t plane = z.p * z.q;
    return float32_matmul(
        {.batch = 1, .m = z.o, .n = z.c * z.r * z.s, .k = z.n * plane, .a_offset = {0}, .b_offset = {0}, .transpose_a = false, .transpose_b = true},
        channels_first(dy, z.n, z.o, plane), unfold(z, x), {}, dw, mode);
}

}  // namespace

std::size_t correlate_backward_weights(const ConvSizes& z, const Tensor& dy, const Tensor& x, Tensor& dw, const RoundingMode& mode) {
    if (is_small(z, x)) return unfolded_backward_weights(z, dy, x, dw, mode);
    std::size_t nans = 0;
    std::atomic<bool> finite = true;
    if (const BfloatKernels* const k = bfloat_kernels(dy.format(), x.format())) {
        const BfloatCodes dy_codes(dy), x_codes(x);
        const Dot<Bfloat> dot{k->dot, k->product.dot_rows, k->product.dot_columns, k->dot_lanes};
        nans = for_groups(z, [&](const ConvSizes& g) {
            return backward_weights(g, dot, BfloatImages{planes_of_y(g), dy_codes, *k}, BfloatImages{planes_of_x(g), x_codes, *k}, dw, mode, finite);
        });
    } else {
        const ProductKernels<float>& kernels = product_kernels();
        const CodeReader dy_codes(dy), x_codes(x);
        const Dot<float> dot{kernels.dot, kernels.dot_rows, kernels.dot_columns, kernels.lanes};
        nans = for_groups(z, [&](const ConvSizes& g) {
            return backward_weights(g, dot, FloatImages{planes_of_y(g), dy_codes, kernels}, FloatImages{planes_of_x(g), x_codes, kernels}, dw, mode, finite);
        });
    }
    // A NaN of x also met zeros that are no terms of the sum: then only the plain loops are right.
    return finite ? nans : float64_sums(sum_problem<double>(conv2d_backward_weights_sums(z), dy, x, {}), {{}, dy.format(), x.format(), dw, mode});
}

}  // namespace taper::cpu
