#include <taper/core/cpu/bfloat_panel.h>

#include <algorithm>
#include <bit>

#include <taper/core/cpu/scratch.h>

namespace taper {

BfloatTable::BfloatTable(const Format& format) {
    const float* const values = Decoder(format).table;
    for (int code = 0; code < 256; ++code) {
        const std::uint32_t bits = std::bit_cast<std::uint32_t>(values[code]);
        high[code] = static_cast<std::uint8_t>(bits >> 24);
        low[code] = static_cast<std::uint8_t>(bits >> 16);
    }
}

const BfloatKernels* bfloat_kernels([[maybe_unused]] const Format& a, [[maybe_unused]] const Format& b) {
#if defined(TAPER_BFLOAT_LEVEL)
    static const bool here = cpu_level() == CpuLevel::avx512 && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vbmi");
    const auto fits = [](const Format& f) { return f.bits() <= 8 && !f.is_index() && f.exact_in_bfloat16() && decode_one(f, 0) == 0; };
    constexpr int least_exponent = -126, largest_exponent = 120;
    if (here && fits(a) && fits(b) && a.min_exponent() + b.min_exponent() >= least_exponent && a.max_exponent() + b.max_exponent() <= largest_exponent)
        return &avx512_bf16::bfloat_kernels();
#endif
    return nullptr;
}

namespace cpu {

namespace {

constexpr std::int64_t decoded_terms = 512;  // of a line at a time: decoded lines of a panel stay in the first-level cache

void pack_lines(const BfloatPanelSource& source, const PanelRange& range, std::int64_t width, BfloatPair* panels) {
    BfloatPair* const buffer = thread_scratch<BfloatPair>(Scratch::decoded, width * decoded_terms / 2);
    const std::int64_t size = panel_size(width, elements_of<BfloatPair>(range.terms));
    for (std::int64_t line = 0; line < range.lines; line += width, panels += size) {
        const std::int64_t lines = std::min(width, range.lines - line);
        for (std::int64_t k = 0; k < range.terms; k += decoded_terms) {
            const std::int64_t terms = std::min(decoded_terms, range.terms - k);
            const std::uint8_t* codes = source.x.codes + source.offset + (range.first_line + line) * source.stride + range.first_term + k;
            for (std::int64_t i = 0; i < lines; ++i, codes += source.stride)
                source.kernels.decode(source.x.table, codes, terms, reinterpret_cast<Bfloat*>(buffer + i * decoded_terms / 2));
            source.kernels.product.transpose(buffer, decoded_terms / 2, lines, elements_of<BfloatPair>(terms), panels + k / 2 * width, width);
        }
    }
}

void pack_terms(const BfloatPanelSource& source, const PanelRange& range, std::int64_t width, BfloatPair* panels) {
    BfloatPair* const buffer = thread_scratch<BfloatPair>(Scratch::decoded, range.lines);
    const std::int64_t size = panel_size(width, elements_of<BfloatPair>(range.terms));
    for (std::int64_t k = 0; k < range.terms; k += 2) {
        const std::uint8_t* const codes = source.x.codes + source.offset + (range.first_term + k) * source.stride + range.first_line;
        source.kernels.decode_pairs(source.x.table, codes, k + 1 < range.terms ? codes + source.stride : nullptr, range.lines, buffer);
        source.kernels.product.spread(buffer, range.lines, width, panels + k / 2 * width, size);
    }
}

}  // namespace

void pack_panels(const ProductKernels<BfloatPair>&, const BfloatPanelSource& source, const PanelRange& range, std::int64_t width, BfloatPair* panels) {
    (source.terms_are_neighbours ? pack_lines : pack_terms)(source, range, width, panels);
}

}  // namespace cpu
}  // namespace taper
