#include <taper/core/cpu/correlate.h>

#include <algorithm>
#include <cstring>

#include <taper/core/cpu/conv_groups.h>
#include <taper/core/cpu/conv_images.h>
#include <taper/core/cpu/conv_weights.h>
#include <taper/core/cpu/correlate_packed.h>
#include <taper/core/cpu/correlation.h>
#include <taper/core/cpu/scratch.h>
#include <taper/core/cpu/split.h>

namespace taper::cpu {

namespace {

constexpr std::int64_t run_limit = 2048;                        // pixels whose sums are held at a time
constexpr std::int64_t cached_bytes = std::int64_t{256} << 10;  // of frames, or of weights, that stay in the second-level cache

// Rows [first, first + rows) of the maps of one panel's lines, and the sums of one phase of them: [line][c_stride], rows `stride` apart.
struct Block {
    std::int64_t image, line, lines, first, rows;
    float* sums;
    std::int64_t c_stride, stride;
};

template <class Images>
void sum_phase(const Correlation<Images>& task, const Phase<typename Images::Element>& phase, const Block& block, std::int64_t run,
               const typename Images::Element* frame) {
    const std::int64_t wide = 2 * task.kernels.lanes;
    Tile<typename Images::Element> tile{.depth = phase.depth,
                                        .a = phase.panels + block.line / task.height * panel_size(task.height, phase.depth),
                                        .a_stride = task.height,
                                        .b = frame + block.first / task.step * block.stride,
                                        .offset = phase.offsets,
                                        .c = block.sums,
                                        .c_stride = block.c_stride,
                                        .add = false};
    for (std::int64_t q = 0; q < run; q += wide, tile.b += wide, tile.c += wide) {
        (run - q > task.kernels.lanes ? task.kernels.wide : task.kernels.narrow)[block.lines](tile);
    }
}

// Every phase of the block; rounds its lines.
template <class Images>
std::size_t correlate_block(const Correlation<Images>& task, const Block& block, const typename Images::Element* frame, float* dense) {
    const std::int64_t step = task.step, size = block.rows * task.columns;
    std::size_t nans = 0;
    for (const auto& phase : task.phases) {
        const std::int64_t rows = task.rows_of(phase, block.rows), columns = task.columns_of(phase);
        if (rows == 0 || columns == 0) continue;
        sum_phase(task, phase, block, (rows - 1) * block.stride + columns, frame);
        for (std::int64_t i = 0; i < block.lines; ++i) {
            const float* const sums = block.sums + i * block.c_stride;
            if (step > 1) {
                scatter(sums, block.stride, rows, columns, task.bias_of(block.line + i), dense + i * size + phase.row * task.columns + phase.column,
                        task.columns, step);
                continue;
            }
            float* const values = task.place(block.image, block.line + i, block.first, dense);
            product_kernels().copy_rows(sums, block.stride, rows, columns, task.bias_of(block.line + i), values, columns);
            nans += task.encode_rows(block.image, block.line + i, block.first, block.rows, values);
        }
    }
    for (std::int64_t i = 0; step > 1 && i < block.lines; ++i) nans += task.encode_rows(block.image, block.line + i, block.first, block.rows, dense + i * size);
    return nans;
}

// One panel of lines of one image.
template <class Images>
std::size_t correlate_panel(const Correlation<Images>& task, std::int64_t image, std::int64_t panel, const typename Images::Element* frame) {
    const std::int64_t stride = task.frame.plane_columns(), wide = 2 * task.kernels.lanes, step = task.step;
    const std::int64_t most = std::clamp(run_limit / stride, std::int64_t{1}, (task.rows + step - 1) / step) * step;
    Block block{.image = image,
                .line = panel * task.height,
                .lines = std::min(task.height, task.lines - panel * task.height),
                .first = 0,
                .rows = most,
                .sums = nullptr,
                .c_stride = (most / step * stride + wide - 1) / wide * wide + task.kernels.lanes,
                .stride = stride};
    block.sums = thread_scratch<float>(Scratch::sums, task.height * block.c_stride);
    float* const dense = thread_scratch<float>(Scratch::row, (step > 1 ? task.height : 1) * most * task.columns);
    std::size_t nans = 0;
    for (; block.first < task.rows; block.first += most) {
        block.rows = std::min(most, task.rows - block.first);
        nans += correlate_block(task, block, frame, dense);
    }
    return nans;
}

// Images [begin, end) and panels [first, last): each panel of weights serves all of these images while it is in the cache.
template <class Images>
std::size_t correlate_images(const Correlation<Images>& task, const Range& images, const Range& panels) {
    using Element = typename Images::Element;
    const std::int64_t planes = task.input.planes();
    Element* const frames = thread_scratch<Element>(Scratch::image, images.size() * task.frame.size());
    Element* const decoded = thread_scratch<Element>(Scratch::decoded, planes * task.input.plane);
    std::memset(static_cast<void*>(frames), 0, static_cast<std::size_t>(images.size() * task.frame.size()) * sizeof(Element));
    for (std::int64_t n = images.begin; n < images.end; ++n)
        task.input.place(task.frame, task.input.read(n, 0, planes, decoded), frames + (n - images.begin) * task.frame.size());
    if (packs_columns(task)) return correlate_packed(task, images, panels, frames);
    std::size_t nans = 0;
    for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
        for (std::int64_t n = images.begin; n < images.end; ++n) nans += correlate_panel(task, n, panel, frames + (n - images.begin) * task.frame.size());
    }
    return nans;
}

template <class Images>
std::size_t correlate(const Correlation<Images>& task) {
    const std::int64_t threads = threads_for(task.images * task.lines * task.depth() * task.rows * task.columns / (task.step * task.step));
    const bool weights_fit = task.panel_count() * panel_size(task.height, task.depth()) * 4 <= cached_bytes;
    const std::int64_t frames_fit = weights_fit ? 1 : std::max<std::int64_t>(cached_bytes / 4 / task.frame.size(), 1);
    const std::int64_t together = packs_columns(task) ? packed_images(task) : frames_fit;
    const std::int64_t group = std::min(together, (task.images + threads - 1) / threads), groups = (task.images + group - 1) / group;
    const std::int64_t splits = std::min(task.panel_count(), (threads + groups - 1) / groups);
    std::size_t nans = 0;
#pragma omp parallel for schedule(static) reduction(+ : nans) num_threads(static_cast <int>(threads)) if (threads > 1)
    for (std::int64_t item = 0; item < groups * splits; ++item) {
        const std::int64_t first = item / splits * group;
        nans += correlate_images(task, {first, std::min(first + group, task.images)}, part(task.panel_count(), 1, item % splits, splits));
    }
    return nans;
}

// The values of one group's part of a tensor; null if it is not defined.
const float* values_of(const Tensor& x, const ConvSizes& z, Scratch kind) {
    const std::int64_t count = x.defined() ? x.elements() / z.groups : 0;
    return x.defined() ? CodeReader(x).read(z.group * count, count, thread_scratch<float>(kind, count)) : nullptr;
}

// The kernels that pack weights are those of the tiles, or hold them.
const ProductKernels<float>& tiles(const ProductKernels<float>& kernels) { return kernels; }
const ProductKernels<BfloatPair>& tiles(const BfloatKernels& kernels) { return kernels.product; }

template <class Images, class Kernels>
std::size_t forward(const ConvSizes& z, const Images& input, const Kernels& kernels, const Tensor& w, const Tensor& bias, Tensor& y, const RoundingMode& mode) {
    using Element = typename Images::Element;
    const Frame frame{input.planes(), z.h, z.w, z.h + 2 * z.padding, z.w + 2 * z.padding, 1, z.padding, z.padding, z.stride};
    const std::int64_t depth = input.planes() * z.r * z.s, height = even_width(z.o, tiles(kernels).rows), panels = (z.o + height - 1) / height;
    Element* const packed = thread_scratch<Element>(Scratch::weights, panels * panel_size(height, depth));
    pack_weights(kernels, z, WeightOrder::forward, w, height, packed);
    std::int64_t* const offsets = thread_scratch<std::int64_t>(Scratch::offsets, depth);
    frame.term_offsets(z, offsets);
    return correlate(Correlation<Images>{tiles(kernels),
                                         frame,
                                         input,
                                         z.n,
                                         z.o,
                                         z.p,
                                         z.q,
                                         height,
                                         1,
                                         {{0, 0, depth, packed, offsets}},
                                         values_of(bias, z, Scratch::left),
                                         Encoder(y.format(), mode),
                                         static_cast<unsigned char*>(y.mutable_data()),
                                         y.format().storage_bytes()});
}

// Weights with an infinity or a NaN multiply the zeros between the elements of dy too: one phase over a frame that holds these.  Else one
// phase for each remainder of row and column by the stride, over dy alone.
template <class Images, class Kernels>
std::size_t backward_data(const ConvSizes& z, const Images& input, const Kernels& kernels, const Tensor& w, const Tensor& bias, Tensor& dx,
                          const RoundingMode& mode) {
    using Element = typename Images::Element;
    const bool stuffed = z.stride > 1 && !all_finite(values_of(w, z, Scratch::left), z.weights_of_group());
    const std::int64_t step = stuffed ? 1 : z.stride, height = even_width(z.c, tiles(kernels).rows), lines = (z.c + height - 1) / height;
    const std::int64_t above = rows_above(z.h, step, z, z.r), before = rows_above(z.w, step, z, z.s), planes = input.planes();
    const std::int64_t area = z.r * z.s, depth = planes * area;
    const Frame frame{planes, z.p,    z.q, (z.h - 1 + z.padding) / step + 1 + above, (z.w - 1 + z.padding) / step + 1 + before, stuffed ? z.stride : 1,
                      above,  before, 1};
    Element* const packed = thread_scratch<Element>(Scratch::weights, lines * panel_size(height, depth));
    pack_weights(kernels, z, WeightOrder::backward, w, height, packed);
    const std::int64_t row_phases = std::min(step, z.h), column_phases = std::min(step, z.w);
    Element* panels =
        step == 1 ? nullptr : thread_scratch<Element>(Scratch::right, lines * (row_phases * column_phases * panel_size(height, 0) + height * depth));
    std::int64_t* offsets = thread_scratch<std::int64_t>(Scratch::offsets, depth);
    const Encoder encoder(dx.format(), mode);
    Correlation<Images> task{tiles(kernels),
                             frame,
                             input,
                             z.n,
                             z.c,
                             z.h,
                             z.w,
                             height,
                             step,
                             {},
                             values_of(bias, z, Scratch::left),
                             encoder,
                             static_cast<unsigned char*>(dx.mutable_data()),
                             dx.format().storage_bytes()};
    for (std::int64_t i = 0; i < row_phases; ++i) {
        for (std::int64_t j = 0; j < column_phases; ++j) {
            const PhaseTaps taps{PhaseLine(i, step, z, z.r), PhaseLine(j, step, z, z.s), area, z.s};
            task.phases.push_back({i, j, planes * taps.count(), step == 1 ? packed : panels, offsets});
            offsets = taps.write_offsets(frame, offsets);
            if (step > 1) panels = taps.pick_panels(packed, planes, lines, height, panels);
        }
    }
    return correlate(task);
}

}  // namespace

std::size_t correlate_forward(const ConvSizes& z, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y, const RoundingMode& mode) {
    if (const BfloatKernels* const bfloat = bfloat_kernels(x.format(), w.format())) {
        const BfloatCodes codes(x);
        return for_groups(z, [&](const ConvSizes& g) { return forward(g, BfloatPairImages{planes_of_x(g), codes, *bfloat}, *bfloat, w, bias, y, mode); });
    }
    const CodeReader codes(x);
    const ProductKernels<float>& kernels = product_kernels();
    return for_groups(z, [&](const ConvSizes& g) { return forward(g, FloatImages{planes_of_x(g), codes, kernels}, kernels, w, bias, y, mode); });
}

std::size_t correlate_backward_data(const ConvSizes& z, const Tensor& dy, const Tensor& w, const Tensor& bias, Tensor& dx, const RoundingMode& mode) {
    if (const BfloatKernels* const bfloat = bfloat_kernels(dy.format(), w.format())) {
        const BfloatCodes codes(dy);
        return for_groups(z, [&](const ConvSizes& g) {
            return backward_data(g, BfloatPairImages{planes_of_y(g), codes, *bfloat}, *bfloat, w, bias, dx, mode);
        });
    }
    const CodeReader codes(dy);
    const ProductKernels<float>& kernels = product_kernels();
    return for_groups(z, [&](const ConvSizes& g) { return backward_data(g, FloatImages{planes_of_y(g), codes, kernels}, kernels, w, bias, dx, mode); });
}

}  // namespace taper::cpu
