#include <taper/core/cpu/conv_weights.h>

#include <algorithm>

#include <taper/core/cpu/scratch.h>
#include <taper/core/cpu/split.h>

namespace taper::cpu {

namespace {

constexpr std::int64_t decoded_terms = 512;  // of a line at a time

// One panel of lines [line, line + lines) over c of a forward convolution.
void pack_forward(const BfloatKernels& kernels, const ConvSizes& z, const BfloatCodes& w, std::int64_t line, std::int64_t lines, std::int64_t height,
                  BfloatPair* panel) {
    const std::int64_t area = z.r * z.s, step = std::max<std::int64_t>(decoded_terms / area / 2, 1) * 2, stride = step / 2 * area;
    BfloatPair* const buffer = thread_scratch<BfloatPair>(Scratch::decoded, height * stride);
    for (std::int64_t c = 0; c < z.c; c += step) {
        const std::int64_t channels = std::min(step, z.c - c);
        for (std::int64_t i = 0; i < lines; ++i)
            kernels.decode_channels(w.table, w.codes + z.group * z.weights_of_group() + ((line + i) * z.c + c) * area, channels, area, buffer + i * stride);
        kernels.product.transpose(buffer, stride, lines, elements_of<BfloatPair>(channels) * area, panel + c / 2 * area * height, height);
    }
}

// One panel of lines [line, line + lines) over o of a backward one: for each o the lines are neighbours.
void pack_backward(const BfloatKernels& kernels, const ConvSizes& z, const BfloatCodes& w, std::int64_t line, std::int64_t lines, std::int64_t height,
                   BfloatPair* panel) {
    const std::int64_t area = z.r * z.s, size = z.c * area;
    BfloatPair* const buffer = thread_scratch<BfloatPair>(Scratch::decoded, lines * area);
    for (std::int64_t o = 0; o < z.o; o += 2, panel += area * height) {
        const std::uint8_t* const from = w.codes + (z.group * z.o + o) * size + line * area;
        kernels.decode_pairs(w.table, from, o + 1 < z.o ? from + size : nullptr, lines * area, buffer);
        kernels.product.transpose(buffer, area, lines, area, panel, height);
    }
}

void pack_backward(const ProductKernels<float>& kernels, const ConvSizes& z, const CodeReader& w, std::int64_t line, std::int64_t lines, std::int64_t height,
                   float* panel) {
    const std::int64_t area = z.r * z.s, size = z.c * area;
    float* const buffer = thread_scratch<float>(Scratch::decoded, lines * area);
    for (std::int64_t o = 0; o < z.o; ++o, panel += area * height)
        kernels.transpose(w.read((z.group * z.o + o) * size + line * area, lines * area, buffer), area, lines, area, panel, height);
}

// pack(line, lines, panel index) for every panel, on several threads where there are many weights.
template <class Pack>
void for_panels(const ConvSizes& z, std::int64_t all_lines, std::int64_t height, const Pack& pack) {
    const std::int64_t panels = (all_lines + height - 1) / height;
#pragma omp parallel for schedule(static) if (threads_for(z.o * z.c * z.r * z.s * 16) > 1)
    for (std::int64_t panel = 0; panel < panels; ++panel) pack(panel * height, std::min(height, all_lines - panel * height), panel);
}

}  // namespace

void pack_weights(const ProductKernels<float>& kernels, const ConvSizes& z, WeightOrder order, const Tensor& w, std::int64_t height, float* panels) {
    const CodeReader codes(w);
    const std::int64_t area = z.r * z.s;
    if (order == WeightOrder::forward)
        return pack_panels(kernels, {codes, z.group * z.weights_of_group(), z.c * area, true}, {0, z.o, 0, z.c * area}, height, panels);
    for_panels(z, z.c, height, [&](std::int64_t line, std::int64_t lines, std::int64_t panel) {
        pack_backward(kernels, z, codes, line, lines, height, panels + panel * panel_size(height, z.o * area));
    });
}

void pack_weights(const BfloatKernels& kernels, const ConvSizes& z, WeightOrder order, const Tensor& w, std::int64_t height, BfloatPair* panels) {
    const BfloatCodes codes(w);
    const bool forward = order == WeightOrder::forward;
    const std::int64_t size = panel_size(height, elements_of<BfloatPair>(forward ? z.c : z.o) * z.r * z.s);
    for_panels(z, forward ? z.o : z.c, height, [&](std::int64_t line, std::int64_t lines, std::int64_t panel) {
        if (forward)
            pack_forward(kernels, z, codes, line, lines, height, panels + panel * size);
        else
            pack_backward(kernels, z, codes, line, lines, height, panels + panel * size);
    });
}

}  // namespace taper::cpu
