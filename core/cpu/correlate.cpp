#include <taper/core/cpu/correlate.h>

#include <algorithm>
#include <cstring>

#include <taper/core/cpu/conv_images.h>
#include <taper/core/cpu/conv_weights.h>
#include <taper/core/cpu/scratch.h>
#include <taper/core/cpu/split.h>

namespace taper::cpu {

namespace {

constexpr std::int64_t run_limit = 2048;                        // pixels whose sums are held at a time
constexpr std::int64_t cached_bytes = std::int64_t{256} << 10;  // of frames, or of weights, that stay in the second-level cache

// A convolution of stride 1 over the planes of frames.
template <class Images>
struct Correlation {
    using Element = typename Images::Element;

    const ProductKernels<Element>& kernels;
    Frame frame;  // its channels are planes of elements
    Images input;
    std::int64_t images, lines, depth;  // lines: output channels
    std::int64_t rows, columns;         // of an output map
    std::int64_t height;                // lines of a panel
    const Element* panels;              // packed weights
    const std::int64_t* offsets;        // of the terms
    const float* bias;                  // of each line, or null
    const Encoder& encoder;
    unsigned char* output;
    int output_width;

    std::int64_t panel_count() const { return (lines + height - 1) / height; }
};

// Rounds the sums of one line, [rows][frame columns], into rows [first, first + rows) of its map.
template <class Images>
std::size_t finish_line(const Correlation<Images>& task, std::int64_t image, std::int64_t line, std::int64_t first, std::int64_t rows, const float* sums,
                        float* dense) {
    const float bias = task.bias == nullptr ? 0 : task.bias[line];
    const std::int64_t stride = task.frame.plane_columns(), columns = task.columns;
    product_kernels().copy_rows(sums, stride, rows, columns, bias, dense, columns);
    const std::int64_t index = ((image * task.lines + line) * task.rows + first) * columns;
    return task.encoder(dense, static_cast<std::size_t>(rows * columns), task.output + index * task.output_width, static_cast<std::uint64_t>(index));
}

// One panel of lines of one image.
template <class Images>
std::size_t correlate_panel(const Correlation<Images>& task, std::int64_t image, std::int64_t panel, const typename Images::Element* frame) {
    const std::int64_t stride = task.frame.plane_columns(), wide = 2 * task.kernels.lanes, block = std::clamp(run_limit / stride, std::int64_t{1}, task.rows);
    const std::int64_t c_stride = (block * stride + wide - 1) / wide * wide + task.kernels.lanes;
    const std::int64_t lines = std::min(task.height, task.lines - panel * task.height);
    float* const sums = thread_scratch<float>(Scratch::sums, task.height * c_stride);
    float* const dense = thread_scratch<float>(Scratch::row, block * task.columns);
    std::size_t nans = 0;
    for (std::int64_t first = 0; first < task.rows; first += block) {
        const std::int64_t rows = std::min(block, task.rows - first), run = (rows - 1) * stride + task.columns;
        Tile<typename Images::Element> tile{.depth = task.depth,
                                            .a = task.panels + panel * panel_size(task.height, task.depth),
                                            .a_stride = task.height,
                                            .b = frame + first * stride,
                                            .offset = task.offsets,
                                            .c = sums,
                                            .c_stride = c_stride,
                                            .add = false};
        for (std::int64_t q = 0; q < run; q += wide, tile.b += wide, tile.c += wide) {
            (run - q > task.kernels.lanes ? task.kernels.wide : task.kernels.narrow)[lines](tile);
        }
        for (std::int64_t i = 0; i < lines; ++i) nans += finish_line(task, image, panel * task.height + i, first, rows, sums + i * c_stride, dense);
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
    std::size_t nans = 0;
    for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
        for (std::int64_t n = images.begin; n < images.end; ++n) nans += correlate_panel(task, n, panel, frames + (n - images.begin) * task.frame.size());
    }
    return nans;
}

template <class Images>
std::size_t correlate(const Correlation<Images>& task) {
    const std::int64_t threads = threads_for(task.images * task.lines * task.depth * task.rows * task.columns);
    const bool weights_fit = task.panel_count() * panel_size(task.height, task.depth) * 4 <= cached_bytes;
    const std::int64_t frames_fit = weights_fit ? 1 : std::max<std::int64_t>(cached_bytes / 4 / task.frame.size(), 1);
    const std::int64_t group = std::min(frames_fit, (task.images + threads - 1) / threads), groups = (task.images + group - 1) / group;
    const std::int64_t splits = std::min(task.panel_count(), (threads + groups - 1) / groups);
    std::size_t nans = 0;
#pragma omp parallel for schedule(static) reduction(+ : nans) num_threads(static_cast <int>(threads)) if (threads > 1)
    for (std::int64_t item = 0; item < groups * splits; ++item) {
        const std::int64_t first = item / splits * group;
        nans += correlate_images(task, {first, std::min(first + group, task.images)}, part(task.panel_count(), 1, item % splits, splits));
    }
    return nans;
}

const float* values_of(const Tensor& x, Scratch kind) {
    return x.defined() ? CodeReader(x).read(0, x.elements(), thread_scratch<float>(kind, x.elements())) : nullptr;
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
    frame.term_offsets(z.r, z.s, offsets);
    return correlate(Correlation<Images>{tiles(kernels), frame, input, z.n, z.o, depth, z.p, z.q, height, packed, offsets, values_of(bias, Scratch::left),
                                         Encoder(y.format(), mode), static_cast<unsigned char*>(y.mutable_data()), y.format().storage_bytes()});
}

template <class Images, class Kernels>
std::size_t backward_data(const ConvSizes& z, const Images& input, const Kernels& kernels, const Tensor& w, Tensor& dx, const RoundingMode& mode) {
    using Element = typename Images::Element;
    const Frame frame{input.planes(), z.p, z.q, z.h + z.r - 1, z.w + z.s - 1, z.stride, z.r - 1 - z.padding, z.s - 1 - z.padding, 1};
    const std::int64_t area = z.r * z.s, depth = input.planes() * area, height = even_width(z.c, tiles(kernels).rows), panels = (z.c + height - 1) / height;
    Element* const packed = thread_scratch<Element>(Scratch::weights, panels * panel_size(height, depth));
    pack_weights(kernels, z, WeightOrder::backward, w, height, packed);
    std::int64_t* const offsets = thread_scratch<std::int64_t>(Scratch::offsets, depth);
    frame.term_offsets(z.r, z.s, offsets);
    for (std::int64_t k = 0; k < depth; k += area) std::reverse(offsets + k, offsets + k + area);  // the weights are not flipped
    return correlate(Correlation<Images>{tiles(kernels), frame, input, z.n, z.c, depth, z.h, z.w, height, packed, offsets, nullptr, Encoder(dx.format(), mode),
                                         static_cast<unsigned char*>(dx.mutable_data()), dx.format().storage_bytes()});
}

}  // namespace

std::size_t correlate_forward(const ConvSizes& z, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y, const RoundingMode& mode) {
    if (const BfloatKernels* const bfloat = bfloat_kernels(x.format(), w.format())) {
        const BfloatCodes codes(x);
        return forward(z, BfloatPairImages{codes, z.c, z.h * z.w, *bfloat}, *bfloat, w, bias, y, mode);
    }
    const CodeReader codes(x);
    return forward(z, FloatImages{codes, z.c, z.h * z.w, product_kernels()}, product_kernels(), w, bias, y, mode);
}

std::size_t correlate_backward_data(const ConvSizes& z, const Tensor& dy, const Tensor& w, Tensor& dx, const RoundingMode& mode) {
    if (const BfloatKernels* const bfloat = bfloat_kernels(dy.format(), w.format())) {
        const BfloatCodes codes(dy);
        return backward_data(z, BfloatPairImages{codes, z.o, z.p * z.q, *bfloat}, *bfloat, w, dx, mode);
    }
    const CodeReader codes(dy);
    return backward_data(z, FloatImages{codes, z.o, z.p * z.q, product_kernels()}, product_kernels(), w, dx, mode);
}

}  // namespace taper::cpu
