// Codes moved unchanged: strided copies, gather and its gradient.
#include <string>

#include <taper/cuda/backend.h>
#include <taper/cuda/element_io.h>
#include <taper/cuda/index_check.h>
#include <taper/cuda/broadcast.h>
#include <taper/formats/error.h>

namespace taper::cuda {

namespace {

struct Walk {
    int axes = 0;
    Divisor size[most_axes];
    std::int64_t from[most_axes] = {}, to[most_axes] = {};
};

// The axes without those of one step, neighbours that run on joined.
Walk walk_of(const Shape& extent, const std::vector<std::int64_t>& from, const std::vector<std::int64_t>& to) {
    Walk w;
    for (int axis = 0; axis < extent.rank(); ++axis) {
        const std::size_t i = static_cast<std::size_t>(axis);
        if (extent[axis] == 1) continue;
        if (w.axes > 0 && w.from[w.axes - 1] == from[i] * extent[axis] && w.to[w.axes - 1] == to[i] * extent[axis]) {
            w.size[w.axes - 1] = w.size[w.axes - 1] * extent[axis];
            w.from[w.axes - 1] = from[i];
            w.to[w.axes - 1] = to[i];
            continue;
        }
        if (w.axes == most_axes) throw Error("cuda: too many axes to copy over: " + extent.str() + " (want at most " + std::to_string(most_axes) + " that do not run on)");
        w.size[w.axes] = extent[axis];
        w.from[w.axes] = from[i];
        w.to[w.axes++] = to[i];
    }
    return w;
}

template <class Code>
void copy_each(Runtime& runtime, std::int64_t n, const Walk w, const Code* src, Code* dst) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        std::int64_t from = 0, to = 0;
        for (int axis = w.axes - 1; axis >= 0; --axis) {
            const std::int64_t rest = i / w.size[axis], here = i - rest * w.size[axis];
            from += here * w.from[axis];
            to += here * w.to[axis];
            i = rest;
        }
        dst[to] = src[from];
    });
}

template <class Code>
void copy_codes(Runtime& runtime, const Walk& w, std::int64_t n, const Tensor& src, std::int64_t from, Tensor& dst, std::int64_t to) {
    copy_each(runtime, n, w, static_cast<const Code*>(src.data()) + from, static_cast<Code*>(dst.mutable_data()) + to);
}

// A tensor seen as [outer, n, inner] around one axis.
struct Around {
    std::int64_t outer = 1;
    Divisor n, inner;
    Around(const Shape& shape, int axis) {
        std::int64_t behind = 1;
        for (int i = 0; i < shape.rank(); ++i) (i <= axis ? outer : behind) *= shape[i];
        n = shape[axis];
        inner = behind;
        outer /= shape[axis] == 0 ? 1 : shape[axis];
    }
};

const std::int32_t* checked_index(Runtime& runtime, const char* op, const Tensor& index, std::int64_t n) {
    const std::int32_t* const values = static_cast<const std::int32_t*>(index.data());
    if (known_within(index, n)) return values;
    const std::int64_t bad = first_bad(runtime, index.elements(), OutOfRange{values, n});
    if (bad == index.elements()) return values;
    std::string position;
    const std::vector<std::int64_t> strides = index.shape().strides();
    for (int i = 0; i < index.rank(); ++i) position += (i == 0 ? "" : ", ") + std::to_string(bad / strides[static_cast<std::size_t>(i)] % index.size(i));
    throw Error(std::string(op) + ": index out of range: " + std::to_string(index_at(runtime, values, bad)) + " at [" + position + "] (want 0 to " + std::to_string(n - 1) + ")");
}

void gather_each(Runtime& runtime, const Around in, const Around out, const Input x, const std::int32_t* index, void* y) {
    for_each(runtime, out.outer * out.n * out.inner, TAPER_BODY(std::int64_t i) {
        const std::int64_t outer = i / out.inner / out.n;
        store_code(y, x.format.bytes, i, x.code((outer * in.n + index[i]) * in.inner + i % out.inner));
    });
}

// One thread a column [outer, inner] of dx: its sums, index by index in order.
void add_gathered(Runtime& runtime, const Around in, const Around out, const Input dy, const std::int32_t* index, double* sums) {
    for_each(runtime, in.outer * out.inner, TAPER_BODY(std::int64_t column) {
        const std::int64_t outer = column / out.inner, inner = column % out.inner;
        for (std::int64_t j = 0; j < out.n; ++j) {
            const std::int64_t i = (outer * out.n + j) * out.inner + inner;
            sums[(outer * in.n + index[i]) * in.inner + inner] += dy.at<double>(i);
        }
    });
}

void write_sums(Runtime& runtime, std::int64_t n, const double* sums, const Result dx) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { dx.put(i, sums[i]); });
}

}  // namespace

void CudaBackend::copy_strided(const Tensor& src, const StridedView& from, Tensor& dst, const StridedView& to, const Shape& extent) {
    const Walk w = walk_of(extent, from.strides, to.strides);
    const std::int64_t n = extent.elements();
    switch (src.format().storage_bytes()) {
        case 1: copy_codes<std::uint8_t>(runtime_, w, n, src, from.offset, dst, to.offset); break;
        case 2: copy_codes<std::uint16_t>(runtime_, w, n, src, from.offset, dst, to.offset); break;
        case 4: copy_codes<std::uint32_t>(runtime_, w, n, src, from.offset, dst, to.offset); break;
        default: copy_codes<std::uint64_t>(runtime_, w, n, src, from.offset, dst, to.offset);
    }
    const IndexRange* const range = std::get_if<IndexRange>(&src.storage()->known());
    if (range != nullptr && n == dst.elements()) dst.storage()->know(*range);
}

void CudaBackend::gather(const Tensor& x, int axis, const Tensor& index, Tensor& y) {
    const Around in(x.shape(), axis), out(index.shape(), axis);
    gather_each(runtime_, in, out, Input(runtime_, x), checked_index(runtime_, "gather", index, in.n), y.mutable_data());
}

void CudaBackend::gather_backward(const Tensor& dy, int axis, const Tensor& index, Tensor& dx, const RoundingMode& mode) {
    const Around in(dx.shape(), axis), out(index.shape(), axis);
    const std::int32_t* const positions = checked_index(runtime_, "gather_backward", index, in.n);
    const Buffer<double> sums(runtime_, dx.elements());
    runtime_.zero(sums.data(), static_cast<std::size_t>(dx.elements()) * sizeof(double));
    add_gathered(runtime_, in, out, Input(runtime_, dy), positions, sums.data());
    write_sums(runtime_, dx.elements(), sums.data(), Result(runtime_, dx, mode));
}

}  // namespace taper::cuda
