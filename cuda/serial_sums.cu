// Sums of products term by term on exact numbers, one thread an output: every accumulator, every format; core/serial_sum.cpp on the device.
#include <taper/cuda/exact_register.h>
#include <taper/cuda/register_size.h>
#include <taper/cuda/sum_draws.h>
#include <taper/cuda/sum_problem.h>
#include <taper/formats/arithmetic.h>

namespace taper::cuda {

namespace {

using SumKind = Accumulator::Kind;

// An accumulator as plain data; the inner one of chunks apart.
struct DeviceAccumulator {
    SumKind kind = SumKind::float32;
    Rounding rounding = Rounding::nearest;
    bool has_product = false;
    DeviceFormat format, product;
    std::int64_t chunk = 0;

    DeviceAccumulator() = default;
    DeviceAccumulator(Runtime& runtime, const Accumulator& a)
        : kind(a.kind()), rounding(a.rounding()), has_product(a.product().has_value()), format(device_format(runtime, a.format())), chunk(a.chunk()) {
        if (has_product) product = device_format(runtime, *a.product());
    }
};

TAPER_CALLED Unpacked rounded_to(const DeviceFormat& f, const Unpacked& x, Rounding mode, std::uint32_t draw) {
    return x.kind == Kind::nan ? x : f.unpack(f.pack(x, mode, draw));
}
TAPER_CALLED Unpacked in_float32(const Unpacked& x) { return x.kind == Kind::nan ? x : Float32{}.unpack(Float32{}.pack(x, Rounding::nearest, 0)); }
TAPER_CALLED Unpacked in_float64(const Unpacked& x) { return x.kind == Kind::nan ? x : Float64{}.unpack(Float64{}.pack(x, Rounding::nearest, 0)); }

// A sum that is no chunked one.
struct PlainSum {
    Unpacked sum, compensation;

    TAPER_CALLED static Unpacked kept(const DeviceAccumulator& a, const Unpacked& x, const SumDraws& draws, std::uint32_t k, int rounding, std::uint64_t streams_on = 0) {
        return rounded_to(a.format, x, a.rounding, a.rounding == Rounding::stochastic ? draws(k, rounding, streams_on) : 0);
    }
    TAPER_FN void start(const DeviceAccumulator& a, const Unpacked& first, const SumDraws& draws) {
        compensation = unpacked_zero(false);
        sum = a.kind == SumKind::float32 ? in_float32(first) : a.kind == SumKind::float64 ? first : kept(a, first, draws, last_step, 0, 1);
    }
    TAPER_CALLED void add(const DeviceAccumulator& a, const Unpacked& x, const Unpacked& y, const SumDraws& draws, std::uint32_t k) {
        switch (a.kind) {
            case SumKind::float32: sum = in_float32(exact_fma(x, y, sum)); break;
            case SumKind::float64: sum = in_float64(exact_fma(x, y, sum)); break;
            case SumKind::rounded_f32: sum = kept(a, in_float32(exact_fma(x, y, sum)), draws, k, 0); break;
            case SumKind::compensated: {
                const Unpacked added = kept(a, exact_fma(x, y, negated(compensation)), draws, k, 0);
                const Unpacked t = kept(a, exact_add(sum, added), draws, k, 1);
                const Unpacked grown = kept(a, exact_add(t, negated(sum)), draws, k, 2);
                compensation = kept(a, exact_add(grown, negated(added)), draws, k, 3);
                sum = t;
                break;
            }
            default:
                if (a.has_product) {
                    const Unpacked product = rounded_to(a.product, exact_mul(x, y), a.rounding, a.rounding == Rounding::stochastic ? draws(k, 0) : 0);
                    sum = kept(a, exact_add(sum, product), draws, k, 1);
                } else {
                    sum = kept(a, exact_fma(x, y, sum), draws, k, 0);
                }
        }
    }
};

// Everything of a call.
struct SerialSums {
    DeviceSums<double> shape;
    DeviceAccumulator accumulator, inner;  // inner: of chunks
    int lowest;                            // exponent of the exact registers' last bit
    std::uint64_t seed, stream;
    Result y;

    template <int limbs>
    TAPER_FN void output(std::int64_t index) const {
        const std::int64_t j = index % shape.columns, i = index / shape.columns % shape.rows, entry = index / shape.columns / shape.rows;
        const SumBase base = shape.bases[entry];
        const std::int64_t at = shape.output(entry, i, j);
        const SumDraws draws{seed, stream, static_cast<std::uint64_t>(at)};
        const Unpacked bias = shape.has_bias() ? shape.bias.exact(shape.bias_at(entry, i, j)) : unpacked_zero(false);
        const bool chunked = accumulator.kind == SumKind::chunked;
        const DeviceAccumulator& steps = chunked ? inner : accumulator;
        PlainSum outer, part;
        ExactRegister<limbs> exact(lowest);
        if (steps.kind != SumKind::exact)
            part.start(steps, chunked ? unpacked_zero(false) : bias, draws);
        else if (!chunked)
            exact.add(bias);
        if (chunked) outer.start(accumulator, bias, draws);
        for (std::int64_t k = 0; k < shape.terms; ++k) {
            const Unpacked a = unpacked_of(shape.left.at(base.left, i, k)), b = unpacked_of(shape.right.at(base.right, j, k));
            if (steps.kind == SumKind::exact)
                exact.add_product(a, b);
            else
                part.add(steps, a, b, draws, static_cast<std::uint32_t>(k));
            if (!chunked || ((k + 1) % accumulator.chunk != 0 && k + 1 != shape.terms)) continue;
            const std::uint32_t chunk = static_cast<std::uint32_t>(k / accumulator.chunk);
            if (steps.kind == SumKind::exact) {
                exact.add(outer.sum);
                outer.sum = PlainSum::kept(accumulator, exact.result(), draws, chunk, 0, 1);
                exact.clear(lowest);
            } else {
                outer.sum = PlainSum::kept(accumulator, exact_add(outer.sum, part.sum), draws, chunk, 0, 1);
                part.start(steps, unpacked_zero(false), draws);
            }
        }
        finish(at, chunked ? outer.sum : steps.kind == SumKind::exact ? exact.result() : part.sum, draws);
    }

    TAPER_FN void finish(std::int64_t at, const Unpacked& sum, const SumDraws& draws) const {
        if (accumulator.rounding != Rounding::stochastic) {
            y.put(at, sum);
            return;
        }
        y.lose(sum.kind == Kind::nan);
        y.put_code(at, y.format.pack(sum, Rounding::stochastic, draws(last_step, 0)));
    }
};

template <int limbs>
void sums_each(Runtime& runtime, const SerialSums sums) {
    for_each(runtime, sums.shape.batch * sums.shape.rows * sums.shape.columns, TAPER_BODY(std::int64_t i) { sums.output<limbs>(i); });
}

}  // namespace

void serial_sums(Runtime& runtime, const SumCall& call) {
    const SumProblem<double> problem(runtime, call);
    SerialSums sums;
    sums.shape = problem.sums();
    sums.accumulator = DeviceAccumulator(runtime, call.accumulator);
    if (call.accumulator.kind() == SumKind::chunked) sums.inner = DeviceAccumulator(runtime, call.accumulator.inner());
    sums.seed = call.epilogue.draws.seed;
    sums.stream = call.epilogue.draws.stream;
    sums.y = Result(runtime, call.y, call.epilogue);
    const bool exact = call.accumulator.kind() == SumKind::exact || (call.accumulator.kind() == SumKind::chunked && call.accumulator.inner().kind() == SumKind::exact);
    const RegisterSize size = exact ? register_size(call) : RegisterSize{};
    sums.lowest = size.lowest;
    if (size.limbs <= 1) return sums_each<1>(runtime, sums);
    if (size.limbs <= 4) return sums_each<4>(runtime, sums);
    if (size.limbs <= 10) return sums_each<10>(runtime, sums);
    if (size.limbs <= 20) return sums_each<20>(runtime, sums);
    sums_each<72>(runtime, sums);
}

}  // namespace taper::cuda
