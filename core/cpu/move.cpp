// Codes moved unchanged: strided copies, gather and its gradient.
#include <cstring>
#include <string>
#include <vector>

#include <omp.h>

#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/parallel.h>
#include <taper/formats/convert.h>
#include <taper/formats/error.h>

namespace taper {
namespace {

// One axis of a copy: how many steps, and how far each goes in elements.
struct Axis {
    std::int64_t extent, from, to;
};

// The axes without those of one step, neighbours that run on joined.
std::vector<Axis> joined(const Shape& extent, const std::vector<std::int64_t>& from, const std::vector<std::int64_t>& to) {
    std::vector<Axis> axes;
    for (std::size_t i = 0; i < extent.sizes().size(); ++i) {
        const Axis axis{extent.sizes()[i], from[i], to[i]};
        if (axis.extent == 1) continue;
        if (!axes.empty() && axes.back().from == axis.from * axis.extent && axes.back().to == axis.to * axis.extent) {
            axes.back() = {axes.back().extent * axis.extent, axis.from, axis.to};
        } else {
            axes.push_back(axis);
        }
    }
    return axes;
}

// Walks the outer axes in row-major order.
class Odometer {
  public:
    Odometer(const std::vector<Axis>& axes, std::int64_t position) : axes_(axes), digits_(axes.size()) {
        for (std::size_t i = axes.size(); i-- > 0;) {
            digits_[i] = position % axes[i].extent;
            position /= axes[i].extent;
            from += digits_[i] * axes[i].from;
            to += digits_[i] * axes[i].to;
        }
    }
    void advance() {
        for (std::size_t i = axes_.size(); i-- > 0;) {
            from += axes_[i].from;
            to += axes_[i].to;
            if (++digits_[i] < axes_[i].extent) return;
            from -= axes_[i].extent * axes_[i].from;
            to -= axes_[i].extent * axes_[i].to;
            digits_[i] = 0;
        }
    }
    std::int64_t from = 0, to = 0;

  private:
    const std::vector<Axis>& axes_;
    std::vector<std::int64_t> digits_;
};

template <class Code>
void copy_row(const Code* src, Code* dst, const Axis& row) {
    if (row.to == 1 && row.from == 1) {
        std::memcpy(dst, src, static_cast<std::size_t>(row.extent) * sizeof(Code));
    } else if (row.to == 1 && row.from == 0) {
        std::fill(dst, dst + row.extent, *src);
    } else {
        for (std::int64_t i = 0; i < row.extent; ++i) dst[i * row.to] = src[i * row.from];
    }
}

// dst row-contiguous, src column-contiguous, in tiles that stay in the first cache.
template <class Code>
void copy_transposed(const Code* src, Code* dst, const Axis& rows, const Axis& columns) {
    constexpr std::int64_t tile = 32;
    for (std::int64_t r0 = 0; r0 < rows.extent; r0 += tile) {
        const std::int64_t r1 = std::min(rows.extent, r0 + tile);
        for (std::int64_t c0 = 0; c0 < columns.extent; c0 += tile) {
            const std::int64_t c1 = std::min(columns.extent, c0 + tile);
            for (std::int64_t r = r0; r < r1; ++r) {
                for (std::int64_t c = c0; c < c1; ++c) dst[r * rows.to + c] = src[r + c * columns.from];
            }
        }
    }
}

// Takes out of `axes` the one along which src is contiguous: a transpose with the rows, if those are contiguous in dst alone.
Axis take_tall(std::vector<Axis>& axes, const Axis& row) {
    for (std::size_t i = 0; i < axes.size() && row.to == 1 && row.from > 1; ++i) {
        if (axes[i].from != 1) continue;
        const Axis tall = axes[i];
        axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(i));
        return tall;
    }
    return {1, 1, 1};
}

template <class Code>
void copy_axes(const Code* src, Code* dst, std::vector<Axis> axes) {
    if (axes.empty()) axes.push_back({1, 1, 1});
    const Axis row = axes.back();
    axes.pop_back();
    const Axis tall = take_tall(axes, row);
    constexpr std::int64_t strip = 64;  // rows of a transpose that are one piece of work
    const std::int64_t strips = (tall.extent + strip - 1) / strip;
    std::int64_t pieces = strips;
    for (const Axis& axis : axes) pieces *= axis.extent;
    const std::int64_t piece = std::min(tall.extent, strip) * row.extent;
    if (pieces == 0 || piece == 0) return;
    const std::int64_t chunk = std::max<std::int64_t>(1, 8192 / piece);
#pragma omp parallel for schedule(static) if (pieces * piece >= parallel_from && pieces > chunk)
    for (std::int64_t begin = 0; begin < pieces; begin += chunk) {
        Odometer place(axes, begin / strips);
        std::int64_t s = begin % strips;
        for (std::int64_t k = begin; k < std::min(pieces, begin + chunk); ++k) {
            if (tall.extent == 1) {
                copy_row(src + place.from, dst + place.to, row);
            } else {
                const Axis rows{std::min(strip, tall.extent - s * strip), 1, tall.to};
                copy_transposed(src + place.from + s * strip, dst + place.to + s * strip * tall.to, rows, row);
            }
            if (++s == strips) {
                s = 0;
                place.advance();
            }
        }
    }
}

// A tensor seen as [outer, n, inner] around one axis.
struct Around {
    std::int64_t outer = 1, n = 1, inner = 1;
    Around(const Shape& shape, int axis) {
        for (int i = 0; i < shape.rank(); ++i) (i < axis ? outer : i == axis ? n : inner) *= shape[i];
    }
};

void check_range(const char* op, const Tensor& index, std::int64_t n) {
    const std::int32_t* values = static_cast<const std::int32_t*>(index.data());
    const std::int64_t count = index.elements();
    std::int64_t bad = count;
#pragma omp parallel for schedule(static) reduction(min : bad) if (count >= parallel_from)
    for (std::int64_t i = 0; i < count; ++i) {
        if (values[i] < 0 || values[i] >= n) bad = std::min(bad, i);
    }
    if (bad == count) return;
    std::string position;
    const std::vector<std::int64_t> strides = index.shape().strides();
    for (int i = 0; i < index.rank(); ++i) position += (i == 0 ? "" : ", ") + std::to_string(bad / strides[static_cast<std::size_t>(i)] % index.size(i));
    throw Error(std::string(op) + ": index out of range: " + std::to_string(values[bad]) + " at [" + position + "] (want 0 to " + std::to_string(n - 1) + ")");
}

template <class Code>
void gather_codes(const Code* x, const std::int32_t* index, Code* y, const Around& in, const Around& out) {
    const std::int64_t rows = out.outer * out.n;
    const std::int64_t chunk = std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(1, out.inner));
    const std::int64_t chunks = (rows + chunk - 1) / chunk;
#pragma omp parallel for schedule(static) if (rows * out.inner >= parallel_from)
    for (std::int64_t i = 0; i < chunks; ++i) {
        for (std::int64_t row = i * chunk; row < std::min(rows, (i + 1) * chunk); ++row) {
            const Code* from = x + row / out.n * in.n * in.inner;
            for (std::int64_t k = 0; k < out.inner; ++k) y[row * out.inner + k] = from[index[row * out.inner + k] * in.inner + k];
        }
    }
}

}  // namespace

void CpuBackend::copy_strided(const Tensor& src, const StridedView& from, Tensor& dst, const StridedView& to, const Shape& extent) {
    std::vector<Axis> axes = joined(extent, from.strides, to.strides);
    const int width = src.format().storage_bytes();
    const void* x = at(src.data(), from.offset, width);
    void* y = at(dst.mutable_data(), to.offset, width);
    switch (width) {
        case 1: return copy_axes(static_cast<const std::uint8_t*>(x), static_cast<std::uint8_t*>(y), std::move(axes));
        case 2: return copy_axes(static_cast<const std::uint16_t*>(x), static_cast<std::uint16_t*>(y), std::move(axes));
        case 4: return copy_axes(static_cast<const std::uint32_t*>(x), static_cast<std::uint32_t*>(y), std::move(axes));
        default: return copy_axes(static_cast<const std::uint64_t*>(x), static_cast<std::uint64_t*>(y), std::move(axes));
    }
}

void CpuBackend::gather(const Tensor& x, int axis, const Tensor& index, Tensor& y) {
    const Around in(x.shape(), axis), out(index.shape(), axis);
    check_range("gather", index, in.n);
    const std::int32_t* positions = static_cast<const std::int32_t*>(index.data());
    const void* from = x.data();
    void* to = y.mutable_data();
    switch (x.format().storage_bytes()) {
        case 1: return gather_codes(static_cast<const std::uint8_t*>(from), positions, static_cast<std::uint8_t*>(to), in, out);
        case 2: return gather_codes(static_cast<const std::uint16_t*>(from), positions, static_cast<std::uint16_t*>(to), in, out);
        case 4: return gather_codes(static_cast<const std::uint32_t*>(from), positions, static_cast<std::uint32_t*>(to), in, out);
        default: return gather_codes(static_cast<const std::uint64_t*>(from), positions, static_cast<std::uint64_t*>(to), in, out);
    }
}

// Each [n, inner] slab of dx is one thread's: summed in float64, index by index in order, rounded once.
void CpuBackend::gather_backward(const Tensor& dy, int axis, const Tensor& index, Tensor& dx, const RoundingMode& mode) {
    const Around in(dx.shape(), axis), out(index.shape(), axis);
    check_range("gather_backward", index, in.n);
    const std::int64_t slab = in.n * in.inner, part = out.n * out.inner;
    const int threads = dy.elements() + dx.elements() >= parallel_from ? omp_get_max_threads() : 1;
    Tensor scratch = Tensor::empty({threads, slab + part}, Format::float64());
    double* const scratch_data = static_cast<double*>(scratch.mutable_data());
    const std::int32_t* positions = static_cast<const std::int32_t*>(index.data());
    const Format from = dy.format(), to = dx.format();
    const void* dy_codes = dy.data();
    void* dx_codes = dx.mutable_data();
    std::size_t lost = 0;
#pragma omp parallel for schedule(static) reduction(+ : lost) num_threads(threads)
    for (std::int64_t o = 0; o < in.outer; ++o) {
        double* sums = scratch_data + omp_get_thread_num() * (slab + part);
        double* terms = sums + slab;
        std::fill(sums, sums + slab, 0.0);
        decode(from, at(dy_codes, o * part, from.storage_bytes()), static_cast<std::size_t>(part), terms);
        for (std::int64_t j = 0; j < part; ++j) sums[positions[o * part + j] * in.inner + j % out.inner] += terms[j];
        RoundingMode slab_mode = mode;
        slab_mode.draws.first_index += static_cast<std::uint64_t>(o * slab);
        lost += encode(to, sums, static_cast<std::size_t>(slab), at(dx_codes, o * slab, to.storage_bytes()), slab_mode);
    }
    count_nan(lost);
}

}  // namespace taper
