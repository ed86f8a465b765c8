#include <taper/core/cpu/sum_panel.h>

#include <taper/core/cpu/transpose_lanes.h>

namespace taper::TAPER_LEVEL {
namespace {

#if defined(TAPER_LEVEL_avx512)
constexpr int bytes = 64;
#elif defined(TAPER_LEVEL_avx2)
constexpr int bytes = 32;
#else
constexpr int bytes = 16;
#endif
// Lanes of a transposed square.
template <class Real>
constexpr int lanes = bytes / static_cast<int>(sizeof(Real));

template <class Real>
struct VectorOf {
    typedef Real type __attribute__((vector_size(bytes)));
    typedef Real unaligned __attribute__((vector_size(bytes), aligned(sizeof(Real)), may_alias));
};
template <class Real>
using Vector = typename VectorOf<Real>::type;

template <class Real>
inline Vector<Real> load(const Real* x) {
    return *reinterpret_cast<const typename VectorOf<Real>::unaligned*>(x);
}

// Lines that follow each other by one element: [begin, end) and where the first one lies.
struct Run {
    std::int64_t begin, end, offset;
};
constexpr std::int64_t run_limit = 8;

// The runs of the order's lines; run_limit + 1 where there are more.
template <class Order>
std::int64_t find_runs(const Order& o, Run* runs) {
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

// One run that fills the panel.
template <std::int64_t width, class Real, class Element>
void pack_full(const PanelOrder<Real, Element>& o) {
    Element* to = o.panel;
    const Real* const values = o.values + o.line[0];
    for (std::int64_t k = 0; k < o.terms; ++k, to += width) {
        const Real* const x = values + o.term[k];
#pragma GCC unroll 32
        for (std::int64_t i = 0; i < width; ++i) to[i] = static_cast<Element>(x[i]);
    }
}

template <class Real, class Element>
void pack_runs(const PanelOrder<Real, Element>& o, const Run* runs, std::int64_t count) {
    Element* to = o.panel;
    for (std::int64_t k = 0; k < o.terms; ++k, to += o.width) {
        const Real* const from = o.values + o.term[k];
        for (std::int64_t r = 0; r < count; ++r) {
            const Real* const x = from + (runs[r].offset - runs[r].begin);
            for (std::int64_t i = runs[r].begin; i < runs[r].end; ++i) to[i] = static_cast<Element>(x[i]);
        }
        for (std::int64_t i = o.lines; i < o.width; ++i) to[i] = 0;
    }
}

// Terms [begin, end).
template <class Real, class Element>
void pack_elements(const PanelOrder<Real, Element>& o, std::int64_t begin, std::int64_t end) {
    Element* to = o.panel + begin * o.width;
    for (std::int64_t k = begin; k < end; ++k, to += o.width) {
        const Real* const from = o.values + o.term[k];
        for (std::int64_t i = 0; i < o.lines; ++i) to[i] = static_cast<Element>(from[o.line[i]]);
        for (std::int64_t i = o.lines; i < o.width; ++i) to[i] = 0;
    }
}

// `lanes` terms from `begin` on, which lie next to each other.  The last lines first: what they write beyond the width is overwritten by what
// follows, but for the last term.
template <class Real, class Element>
void pack_square(const PanelOrder<Real, Element>& o, std::int64_t begin) {
    constexpr int size = lanes<Real>;
    typedef Element Elements __attribute__((vector_size(sizeof(Element) * size)));
    typedef Element Unaligned __attribute__((vector_size(sizeof(Element) * size), aligned(sizeof(Element)), may_alias));
    Element* const to = o.panel + begin * o.width;
    const Element* const panel_end = o.panel + o.terms * o.width;
    const Real* const from = o.values + o.term[begin];
    for (std::int64_t i = (o.width - 1) / size * size; i >= 0; i -= size) {
        Vector<Real> v[size];
#pragma GCC unroll 16
        for (int l = 0; l < size; ++l) v[l] = i + l < o.lines ? load(from + o.line[i + l]) : Vector<Real>{};
        transpose_square(v);
#pragma GCC unroll 16
        for (int l = 0; l < size; ++l) {
            Element* const at = to + l * o.width + i;
            const Elements out = __builtin_convertvector(v[l], Elements);
            if (at + size <= panel_end) {
                *reinterpret_cast<Unaligned*>(at) = out;
            } else {
                for (int j = 0; at + j < panel_end; ++j) at[j] = out[j];
            }
        }
    }
}

// Where terms lie next to each other, squares; the terms between them one by one.  Ascending, since squares write too far.
template <class Real, class Element>
void pack_terms(const PanelOrder<Real, Element>& o) {
    constexpr std::int64_t size = lanes<Real>;
    for (std::int64_t k = 0; k < o.terms;) {
        std::int64_t end = k + 1;
        while (end < o.terms && end < k + size && o.term[end] == o.term[end - 1] + 1) ++end;
        if (end - k == size) pack_square(o, k);
        else pack_elements(o, k, end);
        k = end;
    }
}

template <class Real, class Element>
void pack(const PanelOrder<Real, Element>& order) {
    constexpr std::int64_t narrow = 2 * lanes<Real>, wide = 2 * narrow;
    Run runs[run_limit];
    const std::int64_t count = find_runs(order, runs);
    if (count == 1 && order.lines == order.width && order.width == narrow) return pack_full<narrow>(order);
    if (count == 1 && order.lines == order.width && order.width == wide) return pack_full<wide>(order);
    if (count * 4 <= order.lines) return pack_runs(order, runs, count);
    pack_terms(order);
}

}  // namespace

const SumPanelKernels& sum_panel_kernels() {
    static constexpr SumPanelKernels kernels{pack<float>, pack<double>, pack<double, float>};
    return kernels;
}

}  // namespace taper::TAPER_LEVEL
