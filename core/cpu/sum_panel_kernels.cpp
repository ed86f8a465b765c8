#include <taper/core/cpu/sum_panel.h>

#include <taper/core/cpu/transpose_lanes.h>

#if defined(TAPER_LEVEL_avx2) || defined(TAPER_LEVEL_avx512)
#include <immintrin.h>
#endif

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

// Converts to the panel's element where that is narrower.
template <class Real, class Element>
inline void store(Element* to, Vector<Real> v) {
    typedef Element Elements __attribute__((vector_size(sizeof(Element) * lanes<Real>)));
    typedef Element Unaligned __attribute__((vector_size(sizeof(Element) * lanes<Real>), aligned(sizeof(Element)), may_alias));
    *reinterpret_cast<Unaligned*>(to) = __builtin_convertvector(v, Elements);
}

// Lanes [begin, end) of a vector, and a load of those alone: the others become 0, and their memory is not touched.
#if defined(TAPER_LEVEL_avx512)
template <class Real>
using Selection = __mmask16;
template <class Real>
inline Selection<Real> selection(std::int64_t begin, std::int64_t end) {
    return static_cast<__mmask16>((1u << end) - (1u << begin));
}
inline Vector<double> load_some(const double* x, __mmask16 some) { return _mm512_maskz_loadu_pd(static_cast<__mmask8>(some), x); }
inline Vector<float> load_some(const float* x, __mmask16 some) { return _mm512_maskz_loadu_ps(some, x); }
#elif defined(TAPER_LEVEL_avx2)
template <class Real>
using Selection = __m256i;
template <class Real>
inline Selection<Real> selection(std::int64_t begin, std::int64_t end) {
    alignas(32) Real lane[lanes<Real>];
    for (std::int64_t i = 0; i < lanes<Real>; ++i) lane[i] = i >= begin && i < end ? Real{-1} : Real{1};
    return *reinterpret_cast<const __m256i*>(lane);  // the sign bits count
}
inline Vector<double> load_some(const double* x, __m256i some) { return _mm256_maskload_pd(x, some); }
inline Vector<float> load_some(const float* x, __m256i some) { return _mm256_maskload_ps(x, some); }
#else
struct LaneRange {
    std::int64_t begin, end;
};
template <class Real>
using Selection = LaneRange;
template <class Real>
inline LaneRange selection(std::int64_t begin, std::int64_t end) {
    return {begin, end};
}
template <class Real>
inline Vector<Real> load_some(const Real* x, LaneRange some) {
    if (some.end - some.begin == lanes<Real>) return load(x);
    Vector<Real> v = {};
    for (std::int64_t i = some.begin; i < some.end; ++i) v[i] = x[i];
    return v;
}
#endif

template <class Real>
inline Vector<Real> either(Vector<Real> a, Vector<Real> b) {
    typedef std::int64_t Bits __attribute__((vector_size(bytes)));
    return reinterpret_cast<Vector<Real>>(reinterpret_cast<Bits>(a) | reinterpret_cast<Bits>(b));
}

// Lines of one vector of a row of the panel that follow each other by one element; offset: where lane 0 would lie.
template <class Real>
struct Piece {
    std::int64_t offset;
    Selection<Real> selection;
};
constexpr int piece_limit = 12, vector_limit = 8;
template <class Real>
struct Pieces {
    Piece<Real> piece[piece_limit];
    int count = 0, vectors = 0;
    int end[vector_limit];  // of the pieces of each vector
};

// False where the lines fall into too many pieces.
template <class Real, class Element>
bool find_pieces(const PanelOrder<Real, Element>& o, Pieces<Real>& pieces) {
    constexpr std::int64_t size = lanes<Real>;
    if (o.width > vector_limit * size) return false;
    for (std::int64_t first = 0; first < o.width; first += size) {
        for (std::int64_t i = first; i < o.lines && i < first + size;) {
            std::int64_t end = i + 1;
            while (end < o.lines && end < first + size && o.line[end] == o.line[end - 1] + 1) ++end;
            if (pieces.count == piece_limit) return false;
            pieces.piece[pieces.count].offset = o.line[i] - (i - first);
            pieces.piece[pieces.count++].selection = selection<Real>(i - first, end - first);
            i = end;
        }
        pieces.end[pieces.vectors++] = pieces.count;
    }
    return pieces.count * 3 <= o.lines + 4;
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

// Vector by vector.  The last one may be wider than what is left of the row: the next row overwrites it, and the last rows are packed apart.
template <class Real, class Element>
void pack_pieces(const PanelOrder<Real, Element>& o, const Pieces<Real>& pieces) {
    constexpr std::int64_t size = lanes<Real>;
    Element* to = o.panel;
    const std::int64_t apart = o.width % size == 0 ? 0 : (size + o.width - 1) / o.width, whole = o.terms > apart ? o.terms - apart : 0;
    for (std::int64_t k = 0; k < whole; ++k, to += o.width) {
        const Real* const from = o.values + o.term[k];
        for (int v = 0, p = 0; v < pieces.vectors; ++v) {
            Vector<Real> row = {};
            for (; p < pieces.end[v]; ++p) row = either<Real>(row, load_some(from + pieces.piece[p].offset, pieces.piece[p].selection));
            store<Real>(to + v * size, row);
        }
    }
    pack_elements(o, whole, o.terms);
}

// `lanes` terms from `begin` on, which lie next to each other.  The last lines first: what they write beyond the width is overwritten by what
// follows, but for the last term.
template <class Real, class Element>
void pack_square(const PanelOrder<Real, Element>& o, std::int64_t begin) {
    constexpr int size = lanes<Real>;
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
            if (at + size <= panel_end) {
                store<Real>(at, v[l]);
            } else {
                for (int j = 0; at + j < panel_end; ++j) at[j] = static_cast<Element>(v[l][j]);
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
        if (end - k == size)
            pack_square(o, k);
        else
            pack_elements(o, k, end);
        k = end;
    }
}

template <class Real, class Element>
void pack(const PanelOrder<Real, Element>& order) {
    constexpr std::int64_t narrow = 2 * lanes<Real>, wide = 2 * narrow;
    Pieces<Real> pieces;
    const bool few = find_pieces(order, pieces);
    if (few && order.lines == order.width && order.line[order.lines - 1] - order.line[0] == order.lines - 1 && pieces.count == pieces.vectors) {
        if (order.width == narrow) return pack_full<narrow>(order);
        if (order.width == wide) return pack_full<wide>(order);
    }
    if (few) return pack_pieces(order, pieces);
    pack_terms(order);
}

}  // namespace

const SumPanelKernels& sum_panel_kernels() {
    static constexpr SumPanelKernels kernels{pack<float>, pack<double>, pack<double, float>};
    return kernels;
}

}  // namespace taper::TAPER_LEVEL
