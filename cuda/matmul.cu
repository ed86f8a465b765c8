// Matrix products and convolutions: which driver takes a call.
#include <taper/cuda/backend.h>
#include <taper/cuda/sum_problem.h>

namespace taper::cuda {

namespace {

void sum_products(Runtime& runtime, const SumCall& call) {
    switch (call.accumulator.kind()) {
        case Accumulator::Kind::float32:
        case Accumulator::Kind::float64: return float_sums(runtime, call);
        case Accumulator::Kind::exact: return exact_sums(runtime, call);
        default:
            if (!rounded_sums(runtime, call)) serial_sums(runtime, call);
    }
}

// Sizes of a convolution: x [n, c, h, w], weights [o, c, r, s], y [n, o, p, q].
struct ConvSizes {
    std::int64_t n, c, h, w, o, r, s, p, q, stride, padding;

    ConvSizes(const core::Conv2dSpec& spec, const Shape& x, const Shape& weights, const Shape& y)
        : n(x[0]), c(x[1]), h(x[2]), w(x[3]), o(weights[0]), r(weights[2]), s(weights[3]), p(y[2]), q(y[3]), stride(spec.stride), padding(spec.padding) {}
    Framing framed_image() const { return {n * c, h, w, h + 2 * padding, w + 2 * padding, 1, padding, padding}; }
};

}  // namespace

void CudaBackend::matmul(const MatmulShape& s, const Accumulator& accumulator, const Tensor& a, const Tensor& b, const Tensor& bias, Tensor& y,
                         const RoundingMode& mode) {
    std::vector<SumBase> batch;
    for (std::int64_t i = 0; i < s.batch; ++i) batch.push_back({s.a_offset[static_cast<std::size_t>(i)], s.b_offset[static_cast<std::size_t>(i)], i * s.m * s.n});
    const SumOperand left{a, {}, Grid({{s.m, s.transpose_a ? 1 : s.k}}), Grid({{s.k, s.transpose_a ? s.m : 1}}), Grid({{s.m, s.n}})};
    const SumOperand right{b, {}, Grid({{s.n, s.transpose_b ? s.k : 1}}), Grid({{s.k, s.transpose_b ? 1 : s.n}}), Grid({{s.n, 1}})};
    sum_products(runtime_, {left, right, batch, bias, false, accumulator, y, mode});
}

void CudaBackend::conv2d(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y,
                         const RoundingMode& mode) {
    const ConvSizes z(spec, x.shape(), w.shape(), y.shape());
    const Framing f = z.framed_image();
    const std::int64_t depth = z.c * z.r * z.s, map = z.p * z.q;
    const SumOperand left{w, {}, Grid({{z.o, depth}}), Grid({{depth, 1}}), Grid({{z.o, map}})};
    const SumOperand right{x, f, Grid({{z.n, z.c * f.plane()}, {z.p, z.stride * f.columns}, {z.q, z.stride}}),
                           Grid({{z.c, f.plane()}, {z.r, f.columns}, {z.s, 1}}), Grid({{z.n, z.o * map}, {map, 1}})};
    sum_products(runtime_, {left, right, {{0, 0, 0}}, bias, true, accumulator, y, mode});
}

void CudaBackend::conv2d_backward_data(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& w, Tensor& dx,
                                       const RoundingMode& mode) {
    const ConvSizes z(spec, dx.shape(), w.shape(), dy.shape());
    const Framing f{z.n * z.o, z.p, z.q, z.h + z.r - 1, z.w + z.s - 1, z.stride, z.r - 1 - z.padding, z.s - 1 - z.padding};
    const std::int64_t area = z.r * z.s, map = z.h * z.w;
    const SumOperand left{w, {}, Grid({{z.c, area}}), Grid({{z.o, z.c * area}, {z.r, -z.s}, {z.s, -1}}, area - 1), Grid({{z.c, map}})};
    const SumOperand right{dy, f, Grid({{z.n, z.o * f.plane()}, {z.h, f.columns}, {z.w, 1}}), Grid({{z.o, f.plane()}, {z.r, f.columns}, {z.s, 1}}),
                           Grid({{z.n, z.c * map}, {map, 1}})};
    sum_products(runtime_, {left, right, {{0, 0, 0}}, {}, false, accumulator, dx, mode});
}

void CudaBackend::conv2d_backward_weights(const core::Conv2dSpec& spec, const Accumulator& accumulator, const Tensor& dy, const Tensor& x, Tensor& dw,
                                          const RoundingMode& mode) {
    const ConvSizes z(spec, x.shape(), dw.shape(), dy.shape());
    const Framing f = z.framed_image();
    const std::int64_t depth = z.c * z.r * z.s, map = z.p * z.q;
    const SumOperand left{dy, {}, Grid({{z.o, map}}), Grid({{z.n, z.o * map}, {map, 1}}), Grid({{z.o, depth}})};
    const SumOperand right{x, f, Grid({{z.c, f.plane()}, {z.r, f.columns}, {z.s, 1}}),
                           Grid({{z.n, z.c * f.plane()}, {z.p, z.stride * f.columns}, {z.q, z.stride}}), Grid({{depth, 1}})};
    sum_products(runtime_, {left, right, {{0, 0, 0}}, {}, false, accumulator, dw, mode});
}

}  // namespace taper::cuda
