// Exact sums of products, rounded once: on integers of 64 bits where every sum fits them, else in registers of several limbs.
#include <taper/cuda/exact_register.h>
#include <taper/cuda/index_check.h>
#include <taper/cuda/tensor_sums.h>
#include <taper/cuda/tiled_sums.h>

namespace taper::cuda {

namespace {

// Values that are no finite numbers spoil the integers: NaN, and infinities, which need the registers.
struct NotFinite {
    Input left, right;
    std::int64_t split;  // elements of left
    TAPER_FN bool operator()(std::int64_t i) const {
        const Kind kind = i < split ? left.exact(i).kind : right.exact(i - split).kind;
        return kind == Kind::nan || kind == Kind::infinite;
    }
};

// One read for both.
bool all_finite(Runtime& runtime, const Tensor& left, const Tensor& right) {
    const auto fixed = [](const Tensor& x) { return std::holds_alternative<Fixed>(x.format().family()); };
    const std::int64_t split = left.elements(), n = split + right.elements();
    return (fixed(left) && fixed(right)) || first_bad(runtime, n, NotFinite{Input(runtime, left), Input(runtime, right), split}) == n;
}

// Bits of a format's values as integers times 2^min_exponent, without the sign.
int integer_bits(const Format& f) { return f.max_exponent() - f.min_exponent() + 1; }

int log2_ceiling(std::int64_t n) {
    int bits = 0;
    while ((std::int64_t{1} << bits) < n) ++bits;
    return bits;
}

bool sums_fit_int64(const SumCall& call, std::int64_t terms) {
    const Format &left = call.left.format(), &right = call.right.format();
    return integer_bits(left) <= 31 && integer_bits(right) <= 31 && integer_bits(left) + integer_bits(right) + log2_ceiling(terms + 1) <= 63;
}

struct IntegerSteps {
    static constexpr bool is_long = false;
    int exponent;  // of a unit of the sums
    TAPER_FN void add(std::int64_t& s, std::int32_t a, std::int32_t b) const { s += static_cast<std::int64_t>(a) * b; }
    TAPER_FN Unpacked finished(std::int64_t s) const {
        const std::uint64_t magnitude = s < 0 ? 0 - static_cast<std::uint64_t>(s) : static_cast<std::uint64_t>(s);
        return unpacked_from(s < 0, magnitude, exponent);
    }
};

void integers_each(Runtime& runtime, std::int64_t n, const float* values, int exponent, std::int32_t* integers) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { integers[i] = static_cast<std::int32_t>(static_cast<double>(values[i]) * power_of_two<double>(-exponent)); });
}

Buffer<std::int32_t> integers_of(Runtime& runtime, const SumSideShape& side, const Tensor& x, const float* values) {
    const std::int64_t size = elements_of(side, x);
    Buffer<std::int32_t> integers(runtime, size);
    integers_each(runtime, size, values, x.format().min_exponent(), integers.data());
    return integers;
}

void integer_sums(Runtime& runtime, const SumCall& call) {
    const SumProblem<float> problem(runtime, call);
    const DeviceSums<float> s = problem.sums();
    const Buffer<std::int32_t> left = integers_of(runtime, call.shape.left, call.left, s.left.values), right = integers_of(runtime, call.shape.right, call.right, s.right.values);
    const DeviceSums<std::int32_t> shape{{left.data(), s.left.line, s.left.term, s.left.output}, {right.data(), s.right.line, s.right.term, s.right.output},
                                       s.rows, s.columns, s.terms, s.batch, s.bases, {}, false};
    const IntegerSteps steps{call.left.format().min_exponent() + call.right.format().min_exponent()};
    const TiledSums<std::int32_t, std::int64_t, IntegerSteps> sums{shape, steps, nullptr, Result(runtime, call.y, call.epilogue)};
    for_blocks(runtime, sums.blocks(), sums);
}

}  // namespace

// Operands that are not finite, formats that float32 does not hold and a stochastic last rounding of the accumulator go term by term.
void exact_sums(Runtime& runtime, const SumCall& call) {
    const bool in_float32 = call.left.format().exact_in_float32() && call.right.format().exact_in_float32();
    const bool integers = !call.bias.defined() && sums_fit_int64(call, call.shape.terms());
    if (!in_float32 || call.accumulator.draws() || (!integers && !pays_to_lay_out(call.shape)) || !all_finite(runtime, call.left, call.right))
        return register_sums(runtime, call);
    if (residue_sums(runtime, call)) return;
    if (integers) return integer_sums(runtime, call);
    register_sums(runtime, call);
}

}  // namespace taper::cuda
