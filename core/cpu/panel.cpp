#include <taper/core/cpu/panel.h>

#include <algorithm>
#include <bit>

#include <taper/core/cpu/scratch.h>

namespace taper {

const ProductKernels<float>& product_kernels() {
#if defined(TAPER_X86_LEVELS)
    switch (cpu_level()) {
        case CpuLevel::avx512:
            return avx512::product_kernels();
        case CpuLevel::avx2:
            return avx2::product_kernels();
        default:
            break;
    }
#endif
    return plain::product_kernels();
}

namespace cpu {

namespace {

constexpr std::int64_t decoded_terms = 256;  // of a line at a time: decoded lines of a panel stay in the first-level cache

void pack_lines(const ProductKernels<float>& kernels, const PanelSource& source, const PanelRange& range, std::int64_t width, float* panels) {
    float* const buffer = thread_scratch<float>(Scratch::decoded, width * decoded_terms);
    for (std::int64_t line = 0; line < range.lines; line += width, panels += panel_size(width, range.terms)) {
        const std::int64_t lines = std::min(width, range.lines - line);
        for (std::int64_t k = 0; k < range.terms; k += decoded_terms) {
            const std::int64_t terms = std::min(decoded_terms, range.terms - k);
            const std::int64_t first = source.offset + (range.first_line + line) * source.stride + range.first_term + k;
            const float* values = buffer;
            if (source.codes.in_place()) {
                values = source.codes.read(first, terms, nullptr);
            } else {
                for (std::int64_t i = 0; i < lines; ++i) source.codes.read(first + i * source.stride, terms, buffer + i * decoded_terms);
            }
            kernels.transpose(values, source.codes.in_place() ? source.stride : decoded_terms, lines, terms, panels + k * width, width);
        }
    }
}

void pack_terms(const ProductKernels<float>& kernels, const PanelSource& source, const PanelRange& range, std::int64_t width, float* panels) {
    float* const buffer = thread_scratch<float>(Scratch::decoded, range.lines);
    for (std::int64_t k = 0; k < range.terms; ++k) {
        const float* const values = source.codes.read(source.offset + (range.first_term + k) * source.stride + range.first_line, range.lines, buffer);
        kernels.spread(values, range.lines, width, panels + k * width, panel_size(width, range.terms));
    }
}

}  // namespace

bool all_finite(const float* values, std::int64_t count) {
    std::uint32_t wrong = 0;
    for (std::int64_t i = 0; i < count; ++i) wrong |= (std::bit_cast<std::uint32_t>(values[i]) & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
    return wrong == 0;
}

bool all_finite(const Tensor& x) {
    constexpr std::int64_t block = 4096;
    float* const buffer = thread_scratch<float>(Scratch::decoded, block);
    const CodeReader codes(x);
    for (std::int64_t i = 0; i < x.elements(); i += block) {
        const std::int64_t count = std::min(block, x.elements() - i);
        if (!all_finite(codes.read(i, count, buffer), count)) return false;
    }
    return true;
}

void pack_panels(const ProductKernels<float>& kernels, const PanelSource& source, const PanelRange& range, std::int64_t width, float* panels) {
    (source.terms_are_neighbours ? pack_lines : pack_terms)(kernels, source, range, width, panels);
}

}  // namespace cpu
}  // namespace taper
