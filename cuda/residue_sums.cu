// Exact sums on the tensor cores: operands as integers modulo pairwise coprime numbers of at most 8 bits, one int8 product for each (residues.h).
#include <taper/cuda/exact_register.h>
#include <taper/cuda/gemm.h>
#include <taper/cuda/register_size.h>
#include <taper/cuda/residues.h>
#include <taper/cuda/tensor_sums.h>

namespace taper::cuda {

namespace {

constexpr int register_limbs = 12;       // of the sum with its bias
constexpr std::int64_t least_rows = 32;  // cuBLASLt has no int8 product of 16 rows or fewer
constexpr std::int64_t lane_terms = 8, lane_lines = 8, lane_columns = 4;

// Bytes of the residues of a side, and sums, at a time.
#if defined(__CUDACC__)
constexpr std::int64_t most_residues = std::int64_t{1} << 30, most_sums = std::int64_t{1} << 28;
#else
constexpr std::int64_t most_residues = std::int64_t{1} << 15, most_sums = std::int64_t{1} << 14;  // so that small tests reach them
#endif

// Lines of a side as the tensor cores take them: a plane of `padded` lines of `width` residues for each modulus, eight to a number.
struct Panel {
    std::uint64_t* residues;
    std::int64_t first, lines, padded, terms, width;

    std::int64_t plane() const { return padded * width; }
    const std::int8_t* data() const { return reinterpret_cast<const std::int8_t*>(residues); }
};

// Zeros behind the lines and the terms.  A thread takes eight terms, and eight threads as many lines, so that reading suits either order of an operand.
void lay_out(Runtime& runtime, const SumSide<float> side, std::int64_t base, int exponent, const Moduli* moduli, const Factors* factors, const Panel to) {
    const std::int64_t across = to.width / lane_terms, numbers = to.padded * across;
    for_each(runtime, numbers, TAPER_BODY(std::int64_t i) {
        const std::int64_t line = i / lane_lines / across * lane_lines + i % lane_lines, place = i / lane_lines % across;
        Integer x[lane_terms];
        for (int t = 0; t < lane_terms; ++t) {
            const std::int64_t k = place * lane_terms + t;
            if (line < to.lines && k < to.terms) x[t] = integer_of(side.at(base, to.first + line, k), exponent);
        }
        for (int a = 0; a < moduli->count; ++a) {
            const Modulus& m = moduli->of[a];
            std::uint64_t eight = 0;
            for (int t = 0; t < lane_terms; ++t)
                eight |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(m.residue(x[t].mantissa, factors->of[a][x[t].place]))) << (8 * t);
            to.residues[a * numbers + line * across + place] = eight;
        }
    });
}

struct alignas(16) Four {
    std::int32_t sum[lane_columns];
};

struct Finish {
    DeviceSums<float> sums;
    Moduli moduli;
    int exponent, lowest;  // of a unit of the sums, and of the register with the bias
    Result y;

    // Columns j to j + 3 of row i, as far as there are `columns`.
    template <int words>
    TAPER_FN void outputs(std::int64_t entry, std::int64_t i, std::int64_t j, std::int64_t columns, const Four* products, std::int64_t plane) const {
        Number<words> number[lane_columns];
        for (int a = 0; a < moduli.count; ++a) {
            const Modulus m = moduli.of[a];
            const Four four = products[a * plane];
            for (int t = 0; t < lane_columns; ++t) number[t].add(m, m.digit(four.sum[t]));
        }
        for (int t = 0; t < lane_columns; ++t) {
            if (t < columns) put(entry, i, j + t, number[t]);
        }
    }

  private:
    template <int words>
    TAPER_FN void put(std::int64_t entry, std::int64_t i, std::int64_t j, const Number<words>& number) const {
        constexpr int limbs = words / 2;
        std::uint64_t limb[limbs];
        number.finish(moduli, limb);
        const bool negative = static_cast<std::int64_t>(limb[limbs - 1]) < 0;
        std::uint64_t carry = negative ? 1 : 0;
        for (int l = 0; l < limbs; ++l) {
            limb[l] = negative ? ~limb[l] + carry : limb[l];
            carry = carry != 0 && limb[l] == 0 ? 1 : 0;
        }
        if constexpr (limbs <= 2) {
            const Wide magnitude = limbs == 1 ? limb[0] : Wide{limb[limbs - 1]} << 64 | limb[0];
            if (!sums.has_bias()) return y.put(sums.output(entry, i, j), unpacked_from(negative, magnitude, exponent));
        }
        y.put(sums.output(entry, i, j), in_register(negative, limb, limbs, entry, i, j));
    }
    TAPER_CALLED Unpacked in_register(bool negative, const std::uint64_t* limb, int limbs, std::int64_t entry, std::int64_t i, std::int64_t j) const {
        ExactRegister<register_limbs> sum(lowest);
        for (int l = 0; l < limbs; ++l) sum.add_shifted(negative, limb[l], exponent + 64 * l);
        if (sums.has_bias()) sum.add(sums.bias.exact(sums.bias_at(entry, i, j)));
        return sum.result();
    }
};

// Products lie by rows of `across`, a plane for each modulus.
struct Block {
    std::int64_t row, rows, column, columns, across, plane;
};

template <int words>
void finish_each(Runtime& runtime, const Finish* finish, std::int64_t entry, const Block at, const Four* products) {
    const std::int64_t fours = at.across / lane_columns;
    for_each(runtime, at.rows * fours, TAPER_BODY(std::int64_t i) {
        const std::int64_t row = i / fours, column = i % fours * lane_columns;
        finish->template outputs<words>(entry, at.row + row, at.column + column, at.columns - column, products + i, at.plane / lane_columns);
    });
}

template <class T>
Buffer<T> on_device(Runtime& runtime, const T& value) {
    Buffer<T> copy(runtime, 1);
    runtime.copy_in(&value, copy.data(), sizeof(T));
    return copy;
}

// A bound of the values' magnitudes is 2^this.
double log2_largest(const Format& f) { return std::holds_alternative<Fixed>(f.family()) ? f.max_exponent() + 1 : std::log2(f.max()); }

// `size` in parts as equal as multiples of 16 are: about `most`, and no less than `least`.
std::int64_t part_of(std::int64_t size, std::int64_t most, std::int64_t least) {
    const std::int64_t parts = (size + std::max(most, least) - 1) / std::max(most, least);
    return std::max(padded_terms((size + parts - 1) / parts, int8_multiple), least);
}

}  // namespace

bool residue_sums(Runtime& runtime, const SumCall& call) {
    const Format &left = call.left.format(), &right = call.right.format();
    const int exponent = left.min_exponent() + right.min_exponent();
    const double bits = log2_largest(left) + log2_largest(right) - exponent + std::log2(std::max<double>(static_cast<double>(call.shape.terms()), 1));
    const int count = moduli_for(bits);
    const RegisterSize size = register_size(call);
    if (!pays_to_lay_out(call.shape) || count == 0 || call.shape.terms() >= (std::int64_t{1} << 17) || size.limbs > register_limbs - 1) return false;
    const SumProblem<float> problem(runtime, call);
    const DeviceSums<float> s = problem.sums();
    const Moduli moduli(count);
    const auto factors = [&](const Format& f, bool is_left) { return on_device(runtime, Factors(moduli, f.max_exponent() - f.min_exponent() + 2, is_left)); };
    const Buffer<Factors> left_factors = factors(left, true), right_factors = factors(right, false);
    const Buffer<Moduli> moduli_copy = on_device(runtime, moduli);
    const Buffer<Finish> finish = on_device(runtime, Finish{s, moduli, exponent, size.lowest, Result(runtime, call.y, call.epilogue)});
    const std::int64_t width = padded_terms(s.terms, int8_multiple), most_lines = most_residues / (width * count);
    const std::int64_t usual_columns = std::min<std::int64_t>(padded_terms(s.columns, int8_multiple), 2048);
    const std::int64_t row_step = part_of(s.rows, std::min(most_lines, most_sums / (count * usual_columns)), least_rows);
    const std::int64_t column_step = part_of(s.columns, std::min(most_lines, most_sums / (count * row_step)), int8_multiple);
    const Buffer<std::uint64_t> a(runtime, count * row_step * width / lane_terms), b(runtime, count * column_step * width / lane_terms);
    const Buffer<Four> products(runtime, count * row_step * column_step / lane_columns);
    const auto finish_words = bits < 62 ? finish_each<2> : bits < 126 ? finish_each<4> : finish_each<8>;
    for (std::int64_t entry = 0; entry < s.batch; ++entry) {
        const SumBase& base = call.shape.batch[static_cast<std::size_t>(entry)];
        for (std::int64_t row = 0; row < s.rows; row += row_step) {
            const std::int64_t rows = std::min(row_step, s.rows - row);
            const Panel lines{a.data(), row, rows, padded_terms(std::max(rows, least_rows), int8_multiple), s.terms, width};
            lay_out(runtime, s.left, base.left, left.min_exponent(), moduli_copy.data(), left_factors.data(), lines);
            for (std::int64_t column = 0; column < s.columns; column += column_step) {
                const std::int64_t columns = std::min(column_step, s.columns - column);
                const Panel across{b.data(), column, columns, padded_terms(columns, int8_multiple), s.terms, width};
                lay_out(runtime, s.right, base.right, right.min_exponent(), moduli_copy.data(), right_factors.data(), across);
                const GemmShape shape{lines.padded, across.padded, width, {width, false, lines.plane()}, {width, false, across.plane()}, count};
                gemm(runtime, shape, lines.data(), across.data(), products.data()->sum);
                finish_words(runtime, finish.data(), entry, {row, rows, column, columns, across.padded, lines.padded * across.padded}, products.data());
            }
        }
    }
    return true;
}

}  // namespace taper::cuda
