#include <taper/core/cpu/sum_panel.h>

namespace taper {

namespace {

const SumPanelKernels& sum_panel_kernels() {
#if defined(TAPER_X86_LEVELS)
    if (cpu_level() == CpuLevel::avx512) return avx512::sum_panel_kernels();
    if (cpu_level() == CpuLevel::avx2) return avx2::sum_panel_kernels();
#endif
    return plain::sum_panel_kernels();
}

}  // namespace

void pack_panel(const PanelOrder<float>& order) { sum_panel_kernels().pack_float(order); }
void pack_panel(const PanelOrder<double>& order) { sum_panel_kernels().pack_double(order); }
void pack_panel(const PanelOrder<double, float>& order) { sum_panel_kernels().pack_narrowed(order); }

}  // namespace taper
