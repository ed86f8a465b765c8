#include <taper/core/cpu/sum_problem.h>

#include <algorithm>
#include <cstring>

#include <taper/core/cpu/parallel.h>
#include <taper/core/cpu/scratch.h>
#include <taper/formats/convert.h>

namespace taper::cpu {

namespace {

template <class Real>
std::shared_ptr<Storage> decoded_storage(std::int64_t count) {
    const RoleScope role(Role::decoded);
    return Storage::make(static_cast<std::size_t>(count) * sizeof(Real), Device());
}

template <class Real>
bool holds(const Tensor& x) {
    return x.format() == (sizeof(Real) == 4 ? Format::float32() : Format::float64());
}

template <class Real>
DecodedValues<Real> decoded_values(const Tensor& x) {
    if (holds<Real>(x)) return {nullptr, x, static_cast<const Real*>(x.data())};
    DecodedValues<Real> values{decoded_storage<Real>(x.elements()), {}, nullptr};
    Real* const to = static_cast<Real*>(values.storage->data());
    const int width = x.format().storage_bytes();
    for_chunks(x.elements(), 8192, [&](std::int64_t begin, std::int64_t end) {
        decode(x.format(), at(x.data(), begin, width), static_cast<std::size_t>(end - begin), to + begin);
    });
    values.data = to;
    return values;
}

template <class Real>
void frame_plane(const Framing& f, const Real* pixels, Real* frame) {
    for (std::int64_t i = 0; i < f.height; ++i) {
        const std::int64_t row = i * f.step + f.top;
        if (row < 0 || row >= f.rows) continue;
        if (f.step == 1 && f.left >= 0 && f.left + f.width <= f.columns) {
            std::copy(pixels + i * f.width, pixels + (i + 1) * f.width, frame + row * f.columns + f.left);
            continue;
        }
        for (std::int64_t j = 0; j < f.width; ++j) {
            const std::int64_t column = j * f.step + f.left;
            if (column >= 0 && column < f.columns) frame[row * f.columns + column] = pixels[i * f.width + j];
        }
    }
}

template <class Real>
DecodedValues<Real> framed_values(const Tensor& x, const Framing& f) {
    const std::int64_t pixels = f.height * f.width;
    if (f.planes == 0 || f.changes_nothing()) return decoded_values<Real>(x);
    DecodedValues<Real> values{decoded_storage<Real>(f.planes * f.plane()), {}, nullptr};
    Real* const frames = static_cast<Real*>(values.storage->data());
    const int width = x.format().storage_bytes();
    const std::int64_t planes_at_a_time = std::max<std::int64_t>(8192 / std::max<std::int64_t>(pixels, 1), 1);
    const auto frame = [&](std::int64_t begin, std::int64_t end) {
        Real* const decoded = thread_scratch<Real>(Scratch::decoded, (end - begin) * pixels);
        decode(x.format(), at(x.data(), begin * pixels, width), static_cast<std::size_t>((end - begin) * pixels), decoded);
        std::memset(frames + begin * f.plane(), 0, static_cast<std::size_t>((end - begin) * f.plane()) * sizeof(Real));
        for (std::int64_t i = begin; i < end; ++i) frame_plane(f, decoded + (i - begin) * pixels, frames + i * f.plane());
    };
    for_chunks(f.planes, planes_at_a_time, frame, f.plane());
    values.data = frames;
    return values;
}

std::vector<double> bias_values(const Tensor& bias) {
    std::vector<double> values(bias.defined() ? static_cast<std::size_t>(bias.elements()) : 0);
    if (bias.defined()) decode(bias.format(), bias.data(), values.size(), values.data());
    return values;
}

template <class Real>
SumSide<Real> side(const SumSideShape& shape, const Tensor& x) {
    return {framed_values<Real>(x, shape.framing), Offsets(shape.line), Offsets(shape.term), Offsets(shape.output)};
}

}  // namespace

template <class Real>
SumProblem<Real> sum_problem(const SumShape& shape, const Tensor& left, const Tensor& right, const Tensor& bias) {
    return {side<Real>(shape.left, left), side<Real>(shape.right, right), shape.batch, bias_values(bias), shape.bias_of_rows};
}

template SumProblem<float> sum_problem<float>(const SumShape&, const Tensor&, const Tensor&, const Tensor&);
template SumProblem<double> sum_problem<double>(const SumShape&, const Tensor&, const Tensor&, const Tensor&);

}  // namespace taper::cpu
