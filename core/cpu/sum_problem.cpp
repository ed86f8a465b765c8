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

// Planes [height, width] of a tensor, each set into zeros: pixel (i, j) at row i * step + top, column j * step + left; pixels outside are dropped.
struct Framing {
    std::int64_t planes, height, width, rows, columns, step, top, left;
    std::int64_t plane() const { return rows * columns; }
};

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
    if (f.step == 1 && f.top == 0 && f.left == 0 && f.rows == f.height && f.columns == f.width) return decoded_values<Real>(x);
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

Framing framed_image(const ConvSizes& z) { return {z.n * z.groups * z.c, z.h, z.w, z.h + 2 * z.padding, z.w + 2 * z.padding, 1, z.padding, z.padding}; }

// One entry a group: how far its elements of either side, its outputs and its biases lie from those of the group before.
template <class Real>
std::vector<typename SumProblem<Real>::Base> groups_of(const ConvSizes& z, const typename SumProblem<Real>::Base& step) {
    std::vector<typename SumProblem<Real>::Base> entries;
    for (std::int64_t g = 0; g < z.groups; ++g) entries.push_back({g * step.left, g * step.right, g * step.output, g * step.bias});
    return entries;
}

}  // namespace

template <class Real>
SumProblem<Real> matmul_problem(const Backend::MatmulShape& s, const Tensor& a, const Tensor& b, const Tensor& bias) {
    SumProblem<Real> problem;
    problem.left = {decoded_values<Real>(a), Offsets({{s.m, s.transpose_a ? 1 : s.k}}), Offsets({{s.k, s.transpose_a ? s.m : 1}}), Offsets({{s.m, s.n}})};
    problem.right = {decoded_values<Real>(b), Offsets({{s.n, s.transpose_b ? s.k : 1}}), Offsets({{s.k, s.transpose_b ? 1 : s.n}}), Offsets({{s.n, 1}})};
    for (std::int64_t i = 0; i < s.batch; ++i) {
        problem.batch.push_back({s.a_offset[static_cast<std::size_t>(i)], s.b_offset[static_cast<std::size_t>(i)], i * s.m * s.n});
    }
    problem.bias = bias_values(bias);
    return problem;
}

template <class Real>
SumProblem<Real> conv2d_problem(const ConvSizes& z, const Tensor& x, const Tensor& w, const Tensor& bias) {
    const Framing f = framed_image(z);
    const std::int64_t depth = z.c * z.r * z.s, map = z.p * z.q, image = z.c * f.plane();
    SumProblem<Real> problem;
    problem.left = {decoded_values<Real>(w), Offsets({{z.o, depth}}), Offsets({{depth, 1}}), Offsets({{z.o, map}})};
    problem.right = {framed_values<Real>(x, f), Offsets({{z.n, z.groups * image}, {z.p, z.stride * f.columns}, {z.q, z.stride}}),
                     Offsets({{z.c, f.plane()}, {z.r, z.dilation * f.columns}, {z.s, z.dilation}}), Offsets({{z.n, z.groups * z.o * map}, {map, 1}})};
    problem.batch = groups_of<Real>(z, {z.o * depth, image, z.o * map, z.o});
    problem.bias = bias_values(bias);
    problem.bias_of_rows = true;
    return problem;
}

template <class Real>
SumProblem<Real> conv2d_backward_data_problem(const ConvSizes& z, const Tensor& dy, const Tensor& w, const Tensor& bias) {
    const std::int64_t below = z.dilation * (z.r - 1), right = z.dilation * (z.s - 1);  // what a kernel reaches beyond its first element
    const Framing f{z.n * z.groups * z.o, z.p, z.q, z.h + below, z.w + right, z.stride, below - z.padding, right - z.padding};
    const std::int64_t area = z.r * z.s, map = z.h * z.w, image = z.o * f.plane();
    SumProblem<Real> problem;
    problem.left = {decoded_values<Real>(w), Offsets({{z.c, area}}), Offsets({{z.o, z.c * area}, {z.r, -z.s}, {z.s, -1}}, area - 1), Offsets({{z.c, map}})};
    problem.right = {framed_values<Real>(dy, f), Offsets({{z.n, z.groups * image}, {z.h, f.columns}, {z.w, 1}}),
                     Offsets({{z.o, f.plane()}, {z.r, z.dilation * f.columns}, {z.s, z.dilation}}), Offsets({{z.n, z.groups * z.c * map}, {map, 1}})};
    problem.batch = groups_of<Real>(z, {z.weights_of_group(), image, z.c * map, z.c});
    problem.bias = bias_values(bias);
    problem.bias_of_rows = true;
    return problem;
}

template <class Real>
SumProblem<Real> conv2d_backward_weights_problem(const ConvSizes& z, const Tensor& dy, const Tensor& x) {
    const Framing f = framed_image(z);
    const std::int64_t depth = z.c * z.r * z.s, map = z.p * z.q, image = z.c * f.plane();
    SumProblem<Real> problem;
    problem.left = {decoded_values<Real>(dy), Offsets({{z.o, map}}), Offsets({{z.n, z.groups * z.o * map}, {map, 1}}), Offsets({{z.o, depth}})};
    problem.right = {framed_values<Real>(x, f), Offsets({{z.c, f.plane()}, {z.r, z.dilation * f.columns}, {z.s, z.dilation}}),
                     Offsets({{z.n, z.groups * image}, {z.p, z.stride * f.columns}, {z.q, z.stride}}), Offsets({{depth, 1}})};
    problem.batch = groups_of<Real>(z, {z.o * map, image, z.o * depth});
    return problem;
}

#define TAPER_INSTANTIATE(Real)                                                                                                  \
    template SumProblem<Real> matmul_problem<Real>(const Backend::MatmulShape&, const Tensor&, const Tensor&, const Tensor&);    \
    template SumProblem<Real> conv2d_problem<Real>(const ConvSizes&, const Tensor&, const Tensor&, const Tensor&);               \
    template SumProblem<Real> conv2d_backward_data_problem<Real>(const ConvSizes&, const Tensor&, const Tensor&, const Tensor&); \
    template SumProblem<Real> conv2d_backward_weights_problem<Real>(const ConvSizes&, const Tensor&, const Tensor&);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper::cpu
