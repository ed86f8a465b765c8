// Operands of sums of products as panels of bfloat16 pairs, decoded from codes of at most 8 bits.
#pragma once

#include <cstdint>

#include <taper/core/cpu/bfloat_kernels.h>
#include <taper/core/cpu/panel.h>
#include <taper/core/tensor.h>

namespace taper::cpu {

// Where the codes of a tensor lie and how they are read.
struct BfloatCodes {
    const std::uint8_t* codes;
    BfloatTable table;

    explicit BfloatCodes(const Tensor& x) : codes(static_cast<const std::uint8_t*>(x.data())), table(x.format()) {}
};

// As PanelSource; ranges count terms, two of which make an element of a panel.
struct BfloatPanelSource {
    const BfloatKernels& kernels;
    const BfloatCodes& x;
    std::int64_t offset, stride;
    bool terms_are_neighbours;
};

// Terms that one element of a panel holds, and elements that `terms` terms take.
template <class Element>
constexpr std::int64_t terms_of_element = 1;
template <>
inline constexpr std::int64_t terms_of_element<BfloatPair> = 2;
template <class Element>
constexpr std::int64_t elements_of(std::int64_t terms) {
    return (terms + terms_of_element<Element> - 1) / terms_of_element<Element>;
}

// Panels of `width` lines:  panels[line / width * panel_size(width, pairs) + pair * width + line % width],  pairs = elements_of<BfloatPair>(range.terms).
void pack_panels(const ProductKernels<BfloatPair>& kernels, const BfloatPanelSource& source, const PanelRange& range, std::int64_t width, BfloatPair* panels);

}  // namespace taper::cpu
