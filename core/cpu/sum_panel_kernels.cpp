#include <taper/core/cpu/sum_panel.h>

namespace taper::TAPER_LEVEL {
namespace {

// Lines that follow each other by one element: [begin, end) and where the first one lies.
struct Run {
    std::int64_t begin, end, offset;
};
constexpr std::int64_t run_limit = 8;

// The runs of the order's lines; run_limit + 1 where there are more.
template <class Real>
std::int64_t find_runs(const PanelOrder<Real>& o, Run* runs) {
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < o.lines; ++i) {
        if (count > 0 && o.line[i] == o.line[i - 1] + 1) {
            runs[count - 1].end = i + 1;
        } else {
            if (count == run_limit) return run_limit + 1;
            runs[count++] = {i, i + 1, o.line[i]};
        }
    }
    return count;
}

template <class Real>
void pack_runs(const PanelOrder<Real>& o, const Run* runs, std::int64_t count) {
    Real* to = o.panel;
    for (std::int64_t k = 0; k < o.terms; ++k, to += o.width) {
        const Real* const from = o.values + o.term[k];
        for (std::int64_t r = 0; r < count; ++r) {
            const Real* const x = from + (runs[r].offset - runs[r].begin);
            for (std::int64_t i = runs[r].begin; i < runs[r].end; ++i) to[i] = x[i];
        }
        for (std::int64_t i = o.lines; i < o.width; ++i) to[i] = 0;
    }
}

template <class Real>
void pack_elements(const PanelOrder<Real>& o) {
    Real* to = o.panel;
    for (std::int64_t k = 0; k < o.terms; ++k, to += o.width) {
        const Real* const from = o.values + o.term[k];
        for (std::int64_t i = 0; i < o.lines; ++i) to[i] = from[o.line[i]];
        for (std::int64_t i = o.lines; i < o.width; ++i) to[i] = 0;
    }
}

template <class Real>
void pack(const PanelOrder<Real>& order) {
    Run runs[run_limit];
    const std::int64_t count = find_runs(order, runs);
    if (count <= run_limit && count * 4 <= order.lines) return pack_runs(order, runs, count);
    pack_elements(order);
}

}  // namespace

const SumPanelKernels& sum_panel_kernels() {
    static constexpr SumPanelKernels kernels{pack<float>, pack<double>};
    return kernels;
}

}  // namespace taper::TAPER_LEVEL
