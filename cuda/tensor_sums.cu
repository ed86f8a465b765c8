// Sums in float32 by cuBLASLt.  Values that bfloat16 holds go to the tensor cores, whose products are then exact; values of up to 16 significant bits
// go there as pairs high + low, four products each; all else stays in float32.
#include <taper/cuda/tensor_sums.h>

#include <taper/cuda/gemm.h>

namespace taper::cuda {

namespace {

TAPER_FN Bfloat16 narrowed(float x) { return {static_cast<std::uint16_t>(bits_as<std::uint32_t>(x) >> 16)}; }  // of values that bfloat16 holds
// The nearest bfloat16, ties to even; infinities and NaN stay.
TAPER_FN float high_part(float x) {
    const std::uint32_t u = bits_as<std::uint32_t>(x), rounded = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000u;
    return bits_as<float>((u & 0x7f800000u) == 0x7f800000u ? u & 0xffff0000u : rounded);
}

// Lines [first, first + count) of one side as rows of `width` terms, zeros behind the last.
template <class Element, class Convert>
void lay_out(Runtime& runtime, const SumSide<float> side, std::int64_t base, std::int64_t first, std::int64_t count, std::int64_t terms, std::int64_t width,
             const Convert convert, Element* to) {
    for_each(runtime, count * width, TAPER_BODY(std::int64_t i) {
        const std::int64_t k = i % width;
        to[i] = convert(k / Convert::parts < terms ? side.at(base, first + i / width, k / Convert::parts) : 0.0f, static_cast<int>(k % Convert::parts));
    });
}

struct Whole {
    static constexpr int parts = 1;
    TAPER_FN float operator()(float x, int) const { return x; }
};
struct Narrow {
    static constexpr int parts = 1;
    TAPER_FN Bfloat16 operator()(float x, int) const { return narrowed(x); }
};
// Four terms of each: high high, high low, low high, low low.
struct LeftParts {
    static constexpr int parts = 4;
    TAPER_FN Bfloat16 operator()(float x, int part) const { return narrowed(part < 2 ? high_part(x) : x - high_part(x)); }
};
struct RightParts {
    static constexpr int parts = 4;
    TAPER_FN Bfloat16 operator()(float x, int part) const { return narrowed(part % 2 == 0 ? high_part(x) : x - high_part(x)); }
};

void finish(Runtime& runtime, const DeviceSums<float> s, std::int64_t entry, std::int64_t first, std::int64_t count, const float* sums, const Result y) {
    for_each(runtime, s.rows * count, TAPER_BODY(std::int64_t at) {
        const std::int64_t i = at / count, j = first + at % count;
        const float bias = s.has_bias() ? s.bias.at<float>(s.bias_at(entry, i, j)) : 0.0f;
        y.put(s.output(entry, i, j), s.has_bias() ? sums[at] + bias : sums[at]);
    });
}

constexpr std::int64_t most_elements = std::int64_t{1} << 27;  // of a side that is laid out at a time

template <class Element, class Left, class Right>
void multiply(Runtime& runtime, const SumCall& call) {
    const SumProblem<float> problem(runtime, call);
    const DeviceSums<float> s = problem.sums();
    const std::int64_t width = padded_terms(s.terms * Left::parts, gemm_depth), step = std::max<std::int64_t>(std::min(s.columns, most_elements / width), 1);
    const Buffer<Element> left(runtime, s.rows * width), right(runtime, step * width);
    const Buffer<float> sums(runtime, s.rows * step);
    const Result y(runtime, call.y, call.mode);
    for (std::int64_t entry = 0; entry < s.batch; ++entry) {
        const SumBase& base = call.shape.batch[static_cast<std::size_t>(entry)];
        lay_out(runtime, s.left, base.left, 0, s.rows, s.terms, width, Left(), left.data());
        for (std::int64_t first = 0; first < s.columns; first += step) {
            const std::int64_t count = std::min(step, s.columns - first);
            lay_out(runtime, s.right, base.right, first, count, s.terms, width, Right(), right.data());
            gemm(runtime, {s.rows, count, width}, left.data(), right.data(), sums.data());
            finish(runtime, s, entry, first, count, sums.data(), y);
        }
    }
}

// high + low holds every value: 16 significant bits, and a low part among bfloat16's normal numbers.
bool fits_pairs(const Format& f) { return f.significand_bits() <= 16 && f.min_exponent() >= -120 && f.max_exponent() < 127; }

}  // namespace

bool tensor_sums(Runtime& runtime, const SumCall& call) {
    const Format &left = call.left.format(), &right = call.right.format();
    if (!pays_to_lay_out(call.shape) || (call.bias.defined() && !call.bias.format().exact_in_float32())) return false;
    if (left.exact_in_bfloat16() && right.exact_in_bfloat16())
        multiply<Bfloat16, Narrow, Narrow>(runtime, call);
    else if (fits_pairs(left) && fits_pairs(right))
        multiply<Bfloat16, LeftParts, RightParts>(runtime, call);
    else
        multiply<float, Whole, Whole>(runtime, call);
    return true;
}

}  // namespace taper::cuda
