#include <algorithm>
#include <cstring>

#include <taper/core/cpu/correlate.h>
#include <taper/core/cpu/panel.h>
#include <taper/core/cpu/scratch.h>
#include <taper/core/cpu/split.h>
#include <taper/core/cpu/sums.h>

namespace taper::cpu {

namespace {

constexpr std::int64_t most_chunks = 16, partial_elements = std::int64_t{1} << 21, run_elements = 2048, cached_elements = 96 << 10;

// dw as tiles of [rows][columns] sums: lines o in panels of `rows`, terms (c, r, s) in groups of `columns`.
struct WeightGradient {
    const ProductKernels<float>& kernels;
    const CodeReader &dy, &x;
    Frame dy_frame, x_frame;
    std::int64_t images, lines, terms, rows, columns;
    const std::int64_t* offsets;  // of the terms in x's frame; the last one repeated up to a full group
    std::int64_t run;             // pixels of a line of dy at the width of x's frame, a multiple of the kernels' lanes

    std::int64_t panels() const { return (lines + rows - 1) / rows; }
    std::int64_t groups() const { return (terms + columns - 1) / columns; }
    std::int64_t tile() const { return rows * columns; }
    std::int64_t partial_size() const { return panels() * groups() * tile(); }
};

// Chunks of images with a partial sum each: enough for threads, few enough that adding them up stays cheap.  A function of the shape alone.
std::int64_t chunk_count(const WeightGradient& task) {
    std::int64_t chunks = 1;
    while (chunks * 2 <= std::min(most_chunks, task.images) && chunks * 2 * task.partial_size() <= partial_elements
           && (chunks < 4 || task.images / (chunks * 2) * task.run >= run_elements)) {
        chunks *= 2;
    }
    return chunks;
}

// Decodes image n of x and panels of dy into their frames.  False: x holds an infinity or a NaN.
bool place_image(const WeightGradient& task, std::int64_t n, const Range& lines, float* x, float* dy) {
    const std::int64_t x_pixels = task.x_frame.channels * task.x_frame.height * task.x_frame.width, dy_pixels = task.dy_frame.height * task.dy_frame.width;
    float* const decoded = thread_scratch<float>(Scratch::decoded, std::max(x_pixels, lines.size() * dy_pixels));
    const float* const image = task.x.read(n * x_pixels, x_pixels, decoded);
    task.x_frame.place(task.kernels, image, x);
    const bool finite = all_finite(image, x_pixels);
    const float* const errors = task.dy.read((n * task.lines + lines.begin) * dy_pixels, lines.size() * dy_pixels, decoded);
    for (std::int64_t o = 0; o < lines.size(); ++o) task.dy_frame.place(task.kernels, errors + o * dy_pixels, dy + o * task.run);
    return finite;
}

// Sums of images [images.begin, images.end) for panels [panels.begin, panels.end).  False: x holds an infinity or a NaN.
bool sum_images(const WeightGradient& task, const Range& images, const Range& panels, float* sums) {
    const Range lines{panels.begin * task.rows, std::min(panels.end * task.rows, task.lines)};
    const std::int64_t x_size = task.x_frame.size(), dy_size = lines.size() * task.run;
    const std::int64_t block = std::clamp<std::int64_t>(cached_elements / (x_size + task.lines * task.run), 1, std::max<std::int64_t>(images.size(), 1));
    float* const x = thread_scratch<float>(Scratch::image, block * x_size);
    float* const dy = thread_scratch<float>(Scratch::errors, block * dy_size);
    std::memset(x, 0, static_cast<std::size_t>(block * x_size) * sizeof(float));
    std::memset(dy, 0, static_cast<std::size_t>(block * dy_size) * sizeof(float));
    std::memset(sums + panels.begin * task.groups() * task.tile(), 0, static_cast<std::size_t>(panels.size() * task.groups() * task.tile()) * sizeof(float));
    bool finite = true;
    for (std::int64_t first = images.begin; first < images.end; first += block) {
        const std::int64_t count = std::min(block, images.end - first);
        for (std::int64_t n = 0; n < count; ++n) finite &= place_image(task, first + n, lines, x + n * x_size, dy + n * dy_size);
        for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
            const std::int64_t line = panel * task.rows, rows = std::min(task.rows, task.lines - line);
            for (std::int64_t group = 0; group < task.groups(); ++group) {
                task.kernels.dot[rows]({.runs = count,
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

// dw[line, :] from the chunks' partial sums, chunk after chunk.
std::size_t finish_line(const WeightGradient& task, std::int64_t line, const float* partial, std::int64_t chunks, const Encoder& encoder, Tensor& dw) {
    float* const dense = thread_scratch<float>(Scratch::row, task.terms);
    const float* const tiles = partial + line / task.rows * task.groups() * task.tile() + line % task.rows * task.columns;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
        const float* tile = tiles + chunk * task.partial_size();
        for (std::int64_t k = 0; k < task.terms; k += task.columns, tile += task.tile()) {
            const std::int64_t count = std::min(task.columns, task.terms - k);
            for (std::int64_t j = 0; j < count; ++j) dense[k + j] = chunk == 0 ? tile[j] : dense[k + j] + tile[j];
        }
    }
    unsigned char* const codes = static_cast<unsigned char*>(dw.mutable_data()) + line * task.terms * dw.format().storage_bytes();
    return encoder(dense, static_cast<std::size_t>(task.terms), codes, static_cast<std::uint64_t>(line * task.terms));
}

}  // namespace

std::size_t correlate_backward_weights(const ConvSizes& z, const Tensor& dy, const Tensor& x, Tensor& dw, const RoundingMode& mode) {
    const ProductKernels<float>& kernels = product_kernels();
    const CodeReader dy_codes(dy), x_codes(x);
    const Frame x_frame{z.c, z.h, z.w, z.h + 2 * z.padding, z.w + 2 * z.padding, 1, z.padding, z.padding, z.stride};
    const Frame dy_frame{1, z.p, z.q, z.p, x_frame.plane_columns(), 1, 0, 0, 1};
    const std::int64_t terms = z.c * z.r * z.s, columns = kernels.dot_columns, last = (terms + columns - 1) / columns * columns;
    std::int64_t* const offsets = thread_scratch<std::int64_t>(Scratch::offsets, last);
    x_frame.term_offsets(z.r, z.s, offsets);
    std::fill(offsets + terms, offsets + last, offsets[terms - 1]);
    const std::int64_t run = ((z.p - 1) * x_frame.plane_columns() + z.q + kernels.lanes - 1) / kernels.lanes * kernels.lanes;
    const WeightGradient task{kernels, dy_codes, x_codes, dy_frame, x_frame, z.n, z.o, terms, even_width(z.o, kernels.dot_rows), columns, offsets, run};
    const std::int64_t chunks = chunk_count(task), threads = threads_for(z.n * z.o * terms * z.p * z.q);
    const std::int64_t splits = std::min(task.panels(), (threads + chunks - 1) / chunks);
    float* const partial = thread_scratch<float>(Scratch::partial, chunks * task.partial_size());
    bool finite = true;
#pragma omp parallel for schedule(static) reduction(&& : finite) num_threads(static_cast <int>(threads)) if (threads > 1)
    for (std::int64_t item = 0; item < chunks * splits; ++item) {
        const std::int64_t chunk = item / splits;
        finite = sum_images(task, part(z.n, 1, chunk, chunks), part(task.panels(), 1, item % splits, splits), partial + chunk * task.partial_size()) && finite;
    }
    // A NaN of x also met zeros that are no terms of the sum: then only the plain loops are right.
    if (!finite) return float64_sums(conv2d_backward_weights_problem<double>(z, dy, x), {{}, dy.format(), x.format(), dw, mode});
    const Encoder encoder(dw.format(), mode);
    std::size_t nans = 0;
#pragma omp parallel for schedule(static) reduction(+ : nans) if (threads_for(chunks * z.o * terms * 4) > 1)
    for (std::int64_t line = 0; line < z.o; ++line) nans += finish_line(task, line, partial, chunks, encoder, dw);
    return nans;
}

}  // namespace taper::cpu
