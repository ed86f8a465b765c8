#include <taper/cuda/sum_problem.h>

namespace taper::cuda {

namespace {

template <class Real>
void decode_each(Runtime& runtime, std::int64_t n, const Input x, Real* values) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { values[i] = x.at<Real>(i); });
}

template <class Real>
void frame_each(Runtime& runtime, const Framing f, const Input x, Real* frames) {
    for_each(runtime, f.planes * f.rows * f.columns, TAPER_BODY(std::int64_t i) {
        const std::int64_t row = i / f.columns % f.rows - f.top, column = i % f.columns - f.left, plane = i / (f.rows * f.columns);
        const bool pixel = row >= 0 && column >= 0 && row % f.step == 0 && column % f.step == 0 && row / f.step < f.height && column / f.step < f.width;
        frames[i] = pixel ? x.at<Real>((plane * f.height + row / f.step) * f.width + column / f.step) : Real(0);
    });
}

void fill_offsets(Runtime& runtime, const Grid grid, std::int64_t* offsets) {
    for_each(runtime, grid.size(), TAPER_BODY(std::int64_t i) { offsets[i] = grid(i); });
}

}  // namespace

template <class Real>
SumSide<Real> SumProblem<Real>::side(Runtime& runtime, const SumOperand& operand) {
    const bool framed = operand.framing.planes > 0 && !operand.framing.changes_nothing();
    const std::int64_t size = framed ? operand.framing.planes * operand.framing.plane() : operand.tensor.elements();
    values_.emplace_back(runtime, size);
    if (framed)
        frame_each<Real>(runtime, operand.framing, Input(runtime, operand.tensor), values_.back().data());
    else
        decode_each<Real>(runtime, size, Input(runtime, operand.tensor), values_.back().data());
    SumSide<Real> side{values_.back().data(), nullptr, nullptr, nullptr};
    const auto offsets = [&](const Grid& grid) {
        offsets_.emplace_back(runtime, grid.size());
        fill_offsets(runtime, grid, offsets_.back().data());
        return offsets_.back().data();
    };
    side.line = offsets(operand.line);
    side.term = offsets(operand.term);
    side.output = offsets(operand.output);
    return side;
}

template <class Real>
SumProblem<Real>::SumProblem(Runtime& runtime, const SumCall& call) : bases_(runtime, static_cast<std::int64_t>(call.batch.size())) {
    runtime.copy_in(call.batch.data(), bases_.data(), call.batch.size() * sizeof(SumBase));
    shape_.left = side(runtime, call.left);
    shape_.right = side(runtime, call.right);
    shape_.rows = call.left.line.size();
    shape_.columns = call.right.line.size();
    shape_.terms = call.left.term.size();
    shape_.batch = static_cast<std::int64_t>(call.batch.size());
    shape_.bases = bases_.data();
    shape_.bias_of_rows = call.bias_of_rows;
    if (call.bias.defined()) shape_.bias = Input(runtime, call.bias);
}

template class SumProblem<float>;
template class SumProblem<double>;

}  // namespace taper::cuda
