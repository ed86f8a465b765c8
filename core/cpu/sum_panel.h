// Packing of the lines of a SumProblem into panels, compiled once per CPU level (sum_panel_kernels.cpp).
#pragma once

#include <cstdint>

#include <taper/formats/cpu_level.h>

namespace taper {

// panel[k * width + i] = values[line[i] + term[k]], i in [0, lines), k in [0, terms); 0 for i in [lines, width).
// Element may be narrower than the values where it holds them.
template <class Real, class Element = Real>
struct PanelOrder {
    const Real* values;
    const std::int64_t* line;
    std::int64_t lines;
    const std::int64_t* term;
    std::int64_t terms;
    std::int64_t width;
    Element* panel;
};

struct SumPanelKernels {
    void (*pack_float)(const PanelOrder<float>&);
    void (*pack_double)(const PanelOrder<double>&);
    void (*pack_narrowed)(const PanelOrder<double, float>&);
};

namespace plain {
const SumPanelKernels& sum_panel_kernels();
}
namespace avx2 {
const SumPanelKernels& sum_panel_kernels();
}
namespace avx512 {
const SumPanelKernels& sum_panel_kernels();
}

// By the kernels of this machine's level.
void pack_panel(const PanelOrder<float>& order);
void pack_panel(const PanelOrder<double>& order);
void pack_panel(const PanelOrder<double, float>& order);

}  // namespace taper
