#include <taper/cuda/sum_problem.h>

#include <taper/cuda/array_convert.h>
#include <taper/cuda/divisor.h>

namespace taper::cuda {

namespace {

// The format whose codes are values of Real, and what makes a decoded value one.
template <class Real>
struct Stored;
template <>
struct Stored<float> {
    using Convert = Whole;
    static Format format() { return Format::float32(); }
};
template <>
struct Stored<Float16> {
    using Convert = Halved;
    static Format format() { return Format::minifloat(5, 10); }
};
template <>
struct Stored<Bfloat16> {
    using Convert = Narrow;
    static Format format() { return Format::minifloat(8, 7); }
};
template <>
struct Stored<double> {
    static Format format() { return Format::float64(); }
};

template <class Real>
TAPER_FN Real value_at(const Input& x, std::int64_t i) {
    if constexpr (std::is_same_v<Real, double>)
        return x.at<double>(i);
    else
        return typename Stored<Real>::Convert()(x.at<float>(i));
}

template <class Real>
void decode_each(Runtime& runtime, std::int64_t n, const Input x, Real* values) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { values[i] = value_at<Real>(x, i); });
}

template <class Real>
void frame_each(Runtime& runtime, const Framing f, const Input x, Real* frames) {
    const Divisor rows = f.rows, columns = f.columns, step = f.step;
    for_each(runtime, f.planes * f.rows * f.columns, TAPER_BODY(std::int64_t i) {
        const std::int64_t line = i / columns, plane = line / rows, row = line - plane * rows - f.top, column = i - line * columns - f.left;
        frames[i] = Real{};
        if (row < 0 || column < 0 || row % step != 0 || column % step != 0 || row / step >= f.height || column / step >= f.width) return;
        frames[i] = value_at<Real>(x, (plane * f.height + row / step) * f.width + column / step);
    });
}

void fill_offsets(Runtime& runtime, const Grid grid, std::int64_t* offsets) {
    for_each(runtime, grid.size(), TAPER_BODY(std::int64_t i) { offsets[i] = grid(i); });
}

void fill_bases(Runtime& runtime, std::int64_t count, const SumBase first, const SumBase step, SumBase* bases) {
    for_each(runtime, count, TAPER_BODY(std::int64_t i) {
        bases[i] = {first.left + i * step.left, first.right + i * step.right, first.output + i * step.output, first.bias + i * step.bias};
    });
}

SumBase step_between(const SumBase& a, const SumBase& b) { return {b.left - a.left, b.right - a.right, b.output - a.output, b.bias - a.bias}; }

bool same(const SumBase& a, const SumBase& b) { return a.left == b.left && a.right == b.right && a.output == b.output && a.bias == b.bias; }

}  // namespace

std::int64_t regular_entries(const std::vector<SumBase>& batch, std::int64_t first, std::int64_t most) {
    const SumBase* const b = batch.data() + first;
    const std::int64_t entries = std::min(static_cast<std::int64_t>(batch.size()) - first, most);
    std::int64_t count = std::min<std::int64_t>(entries, 2);
    while (count < entries && same(step_between(b[count - 1], b[count]), step_between(b[0], b[1]))) ++count;
    return count;
}

template <class Real>
const Real* SumProblem<Real>::decoded(Runtime& runtime, const SumSideShape& shape, const Tensor& x) {
    const bool framed = shape.framing.planes != 0 && !shape.framing.changes_nothing();
    if (!framed && x.format() == Stored<Real>::format()) return static_cast<const Real*>(x.data());
    values_.emplace_back(runtime, elements_of(shape, x));
    Real* const values = values_.back().data();
    if (framed)
        frame_each<Real>(runtime, shape.framing, Input(runtime, x), values);
    else if constexpr (std::is_same_v<Real, double>)
        decode_each<Real>(runtime, x.elements(), Input(runtime, x), values);
    else
        decode_array<typename Stored<Real>::Convert>(runtime, x.elements(), Input(runtime, x), values);
    return values;
}

template <class Real>
SumSide<Real> SumProblem<Real>::side(Runtime& runtime, const SumSideShape& shape, const Tensor& x) {
    const Real* const values = decoded(runtime, shape, x);
    const auto offsets = [&](const Grid& grid) {
        offsets_.emplace_back(runtime, grid.size());
        fill_offsets(runtime, grid, offsets_.back().data());
        return offsets_.back().data();
    };
    return {values, offsets(shape.line), offsets(shape.term), offsets(shape.output)};
}

template <class Real>
SumProblem<Real>::SumProblem(Runtime& runtime, const SumCall& call) : bases_(runtime, static_cast<std::int64_t>(call.shape.batch.size())) {
    const std::vector<SumBase>& batch = call.shape.batch;
    for (std::int64_t first = 0, count = 0; first < bases_.size(); first += count) {
        count = regular_entries(batch, first, bases_.size());
        const SumBase& base = batch[static_cast<std::size_t>(first)];
        fill_bases(runtime, count, base, count > 1 ? step_between(base, (&base)[1]) : SumBase{}, bases_.data() + first);
    }
    sums_.left = side(runtime, call.shape.left, call.left);
    sums_.right = side(runtime, call.shape.right, call.right);
    sums_.rows = call.shape.rows();
    sums_.columns = call.shape.columns();
    sums_.terms = call.shape.terms();
    sums_.batch = static_cast<std::int64_t>(call.shape.batch.size());
    sums_.bases = bases_.data();
    sums_.bias_of_rows = call.shape.bias_of_rows;
    if (call.bias.defined()) sums_.bias = Input(runtime, call.bias);
}

template class SumProblem<float>;
template class SumProblem<double>;
template class SumProblem<Float16>;
template class SumProblem<Bfloat16>;

}  // namespace taper::cuda
