// Reductions: sums in the contract's order, maxima, positions of maxima.
#include <taper/cuda/backend.h>
#include <taper/cuda/divisor.h>
#include <taper/cuda/element_io.h>
#include <taper/cuda/sums.h>

namespace taper::cuda {

namespace {

// Sequence q = (outer, inner) of x seen as [outer, n, inner]; squared deviations from mean[q] where it is given.
struct ColumnTerm {
    Input x;
    std::int64_t n;
    Divisor inner;
    const double* mean;
    bool squares;
    TAPER_FN double operator()(std::int64_t q, std::int64_t k) const {
        const double v = x.at<double>((q / inner * n + k) * inner + q % inner);
        if (!squares) return v;
        const double d = mean == nullptr ? v : v - mean[q];
        return d * d;
    }
};

void write_sums(Runtime& runtime, std::int64_t count, const double* sums, double divisor, const Result y) {
    for_each(runtime, count, TAPER_BODY(std::int64_t i) { y.put(i, divisor == 0 ? sums[i] : sums[i] / divisor); });
}

void divide(Runtime& runtime, std::int64_t count, double* sums, double divisor) {
    for_each(runtime, count, TAPER_BODY(std::int64_t i) { sums[i] /= divisor; });
}

void argmax_each(Runtime& runtime, std::int64_t count, const ColumnTerm term, std::int32_t* y) {
    for_each(runtime, count, TAPER_BODY(std::int64_t q) {
        double best = term(q, 0);
        std::int64_t where = 0;
        for (std::int64_t k = 1; k < term.n; ++k) {
            const double v = term(q, k);
            if (v <= best || best != best) continue;
            best = v;
            where = k;
        }
        y[q] = static_cast<std::int32_t>(where);
    });
}

}  // namespace

void CudaBackend::reduce(core::Reduction kind, const Tensor& x, const ReduceShape& shape, Tensor& y, const RoundingMode& mode) {
    const std::int64_t count = shape.outer * shape.inner;
    const double n = static_cast<double>(shape.n);
    const Result out(runtime_, y, mode);
    ColumnTerm term{Input(runtime_, x), shape.n, shape.inner, nullptr, kind == core::Reduction::squares};
    if (kind == core::Reduction::max) return write_sums(runtime_, count, maxima(runtime_, count, shape.n, term).data(), 0, out);
    const Buffer<double> sums = ordered_sums<double>(runtime_, count, shape.n, term);
    if (kind != core::Reduction::variance) return write_sums(runtime_, count, sums.data(), kind == core::Reduction::mean ? n : 0, out);
    divide(runtime_, count, sums.data(), n);
    term.mean = sums.data();
    term.squares = true;
    write_sums(runtime_, count, ordered_sums<double>(runtime_, count, shape.n, term).data(), n, out);
}

void CudaBackend::argmax(const Tensor& x, const ReduceShape& shape, Tensor& y) {
    argmax_each(runtime_, shape.outer * shape.inner, {Input(runtime_, x), shape.n, shape.inner, nullptr, false}, static_cast<std::int32_t*>(y.mutable_data()));
    y.storage()->know(IndexRange{0, shape.n - 1});
}

}  // namespace taper::cuda
