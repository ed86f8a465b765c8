// Exact sums of products term by term, alone or in chunks: a fixed-point register of each thread, one thread an output, every format.
#include <taper/cuda/exact_register.h>
#include <taper/cuda/general_round.h>
#include <taper/cuda/register_size.h>
#include <taper/cuda/sum_draws.h>
#include <taper/cuda/sum_problem.h>

namespace taper::cuda {

namespace {

struct RegisterSums {
    DeviceSums<double> shape;
    std::int64_t chunk;  // 0: one sum
    GeneralRound outer;  // of the sums of chunks
    bool draws;          // the accumulator's last rounding
    int lowest;          // exponent of the registers' last bit
    std::uint64_t seed, stream;
    Result y;

    template <int limbs>
    TAPER_FN void output(std::int64_t index) const {
        const std::int64_t j = index % shape.columns, i = index / shape.columns % shape.rows, entry = index / shape.columns / shape.rows;
        const SumBase base = shape.bases[entry];
        const std::int64_t at = shape.output(entry, i, j);
        const SumDraws drawn{seed, stream, static_cast<std::uint64_t>(at)};
        const auto kept = [&](const Unpacked& x, std::uint32_t k) { return unpacked_of(outer(x, outer.draws() ? drawn(k, 1).word[0] : 0)); };
        Unpacked sum = shape.has_bias() ? shape.bias.exact(shape.bias_at(entry, i, j)) : unpacked_zero(false);
        if (chunk > 0) sum = kept(sum, last_step);
        ExactRegister<limbs> exact(lowest);
        for (std::int64_t k = 0; k < shape.terms; ++k) {
            exact.add_product(unpacked_of(shape.left.at(base.left, i, k)), unpacked_of(shape.right.at(base.right, j, k)));
            if (chunk == 0 || ((k + 1) % chunk != 0 && k + 1 != shape.terms)) continue;
            exact.add(sum);
            sum = kept(exact.result(), static_cast<std::uint32_t>(k / chunk));
            exact.clear(lowest);
        }
        if (chunk == 0) {
            exact.add(sum);
            sum = exact.result();
        }
        if (!draws) return y.put(at, sum);
        y.lose(sum.kind == Kind::nan);
        y.put_code(at, y.format.pack(sum, Rounding::stochastic, drawn(last_step).word[0]));
    }
};

template <int limbs>
void sums_each(Runtime& runtime, const RegisterSums sums) {
    for_each(runtime, sums.shape.batch * sums.shape.rows * sums.shape.columns, TAPER_BODY(std::int64_t i) { sums.output<limbs>(i); });
}

}  // namespace

void register_sums(Runtime& runtime, const SumCall& call) {
    const Accumulator& accumulator = call.accumulator;
    const SumProblem<double> problem(runtime, call);
    const Draws& draws = call.epilogue.draws;
    const RegisterSize size = register_size(call);
    const GeneralRound outer = accumulator.chunk() > 0 ? GeneralRound(device_format(runtime, accumulator.format()), accumulator.rounding()) : GeneralRound();
    const RegisterSums sums{problem.sums(),         accumulator.chunk(), outer,        accumulator.rounding() == Rounding::stochastic, size.lowest, draws.seed,
                            draws.stream, Result(runtime, call.y, call.epilogue)};
    if (size.limbs <= 1) return sums_each<1>(runtime, sums);
    if (size.limbs <= 4) return sums_each<4>(runtime, sums);
    if (size.limbs <= 10) return sums_each<10>(runtime, sums);
    if (size.limbs <= 20) return sums_each<20>(runtime, sums);
    sums_each<72>(runtime, sums);
}

}  // namespace taper::cuda
