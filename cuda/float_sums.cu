// Sums in float32 and float64 on tiles of the device's own multiply-adds; large products go to the tensor cores (tensor_sums.h).
#include <taper/cuda/tensor_sums.h>
#include <taper/cuda/tiled_sums.h>

namespace taper::cuda {

namespace {

template <class Real>
struct FloatSteps {
    static constexpr bool is_long = false;
    TAPER_FN void add(Real& s, Real a, Real b) const { s = fused(a, b, s); }
    TAPER_FN Real finished(Real s) const { return s; }
};

template <class Real>
void read_bias(Runtime& runtime, std::int64_t n, const Input bias, Real* values) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { values[i] = static_cast<Real>(bias.at<double>(i)); });
}

template <class Real>
void run(Runtime& runtime, const SumCall& call) {
    const SumProblem<Real> problem(runtime, call);
    const DeviceSums<Real> shape = problem.sums();
    const Buffer<Real> bias(runtime, call.bias.defined() ? call.bias.elements() : 0);
    if (shape.has_bias()) read_bias<Real>(runtime, call.bias.elements(), shape.bias, bias.data());
    const TiledSums<Real, Real, FloatSteps<Real>> sums{shape, {}, shape.has_bias() ? bias.data() : nullptr, Result(runtime, call.y, call.epilogue)};
    for_blocks(runtime, sums.blocks(), sums);
}

}  // namespace

void float_sums(Runtime& runtime, const SumCall& call) {
    const auto float64 = [](const Tensor& x) { return x.defined() && x.format() == Format::float64(); };
    if (call.accumulator.kind() == Accumulator::Kind::float64 || float64(call.left) || float64(call.right) || float64(call.bias))
        run<double>(runtime, call);
    else if (!tensor_sums(runtime, call))
        run<float>(runtime, call);
}

}  // namespace taper::cuda
