// Operands of sums of products as panels of decoded elements: which codes, how they lie, and how a kernel wants them.
#pragma once

#include <cstdint>
#include <optional>

#include <taper/core/cpu/product_kernels.h>
#include <taper/core/tensor.h>
#include <taper/formats/convert.h>

namespace taper::cpu {

// Reads runs of codes as float32: in place for float32 tensors, else decoded into a buffer.
class CodeReader {
  public:
    explicit CodeReader(const Tensor& x) : codes_(static_cast<const unsigned char*>(x.data())), width_(x.format().storage_bytes()) {
        if (x.format() != Format::float32()) decoder_.emplace(x.format());
    }
    bool in_place() const { return !decoder_; }
    // Elements [begin, begin + count): a pointer into the tensor, or `buffer` filled.
    const float* read(std::int64_t begin, std::int64_t count, float* buffer) const {
        const unsigned char* const codes = codes_ + begin * width_;
        if (!decoder_) return reinterpret_cast<const float*>(codes);
        (*decoder_)(codes, static_cast<std::size_t>(count), buffer);
        return buffer;
    }

  private:
    const unsigned char* codes_;
    int width_;
    std::optional<Decoder> decoder_;
};

// Neither infinity nor NaN among them?
bool all_finite(const float* values, std::int64_t count);
bool all_finite(const Tensor& x);

// A matrix seen from a product: `line` counts rows of a or columns of b, k the terms of the sum.
struct PanelSource {
    const CodeReader& codes;
    std::int64_t offset;  // of element (0, 0)
    std::int64_t stride;  // between lines if the terms of a line are neighbours, else between terms
    bool terms_are_neighbours;
};

struct PanelRange {
    std::int64_t first_line, lines, first_term, terms;
};

// Elements of one panel of `width` lines and `terms` terms, with room for what packing writes too far.
inline std::int64_t panel_size(std::int64_t width, std::int64_t terms) { return width * terms + 16; }

// Panels of `width` lines:  panels[line / width * panel_size(width, terms) + k * width + line % width].
void pack_panels(const ProductKernels<float>& kernels, const PanelSource& source, const PanelRange& range, std::int64_t width, float* panels);

}  // namespace taper::cpu
