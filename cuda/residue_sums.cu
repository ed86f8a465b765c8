// Exact sums on the tensor cores: operands as integers modulo pairwise coprime numbers of at most 8 bits, one int8 product for each, and the sum put
// together from its residues by mixed radix (Garner 1959).
#include <taper/cuda/exact_register.h>
#include <taper/cuda/gemm.h>
#include <taper/cuda/register_size.h>
#include <taper/cuda/tensor_sums.h>

#include <array>
#include <cmath>

namespace taper::cuda {

namespace {

constexpr int most_moduli = 32;
constexpr int pieces = 6;          // of 64 bits, of the number that is put together, its sign and room for a carry
constexpr int register_limbs = 12;  // of the sum with its bias
constexpr std::array<int, most_moduli> all_moduli = {256, 255, 253, 251, 247, 241, 239, 233, 229, 227, 223, 217, 211, 199, 197, 193,
                                                     191, 181, 179, 173, 167, 163, 157, 151, 149, 139, 137, 131, 127, 113, 109, 107};

// What kernels know of the moduli.
struct Moduli {
    int count = 0;
    int modulus[most_moduli] = {};
    int inverse[most_moduli][most_moduli] = {};  // of modulus[i] modulo modulus[j], i < j

    explicit Moduli(int n) : count(n) {
        for (int j = 0; j < n; ++j) modulus[j] = all_moduli[static_cast<std::size_t>(j)];
        for (int j = 0; j < n; ++j) {
            for (int i = 0; i < j; ++i) {
                int x = 1;
                while (modulus[i] % modulus[j] * x % modulus[j] != 1) ++x;
                inverse[i][j] = x;
            }
        }
    }
};

// How many moduli hold sums of magnitude below 2^bits with their signs; 0: more than there are.
int moduli_for(int bits) {
    double room = -1;
    for (int n = 0; n < most_moduli; ++n) {
        room += std::log2(static_cast<double>(all_moduli[static_cast<std::size_t>(n)]));
        if (room > bits + 0.01) return n + 1;
    }
    return 0;
}

int log2_ceiling(std::int64_t n) {
    int bits = 0;
    while ((std::int64_t{1} << bits) < n) ++bits;
    return bits;
}

// The symmetric residue of x 2^-exponent, an integer, in [-p / 2, p / 2).
TAPER_FN std::int8_t residue(float x, int exponent, int p) {
    const std::uint32_t u = bits_as<std::uint32_t>(x), field = u >> 23 & 0xff;
    if ((u & 0x7fffffffu) == 0) return 0;
    std::uint32_t mantissa = field == 0 ? u & 0x7fffff : (u & 0x7fffff) | 0x800000;
    int shift = static_cast<int>(field == 0 ? 1 : field) - 150 - exponent;  // x = mantissa 2^(shift + exponent)
    while (shift < 0) {  // trailing zeros of the mantissa
        mantissa >>= 1;
        ++shift;
    }
    int power = 1;
    for (; shift >= 16; shift -= 16) power = power * (65536 % p) % p;
    power = power * ((1 << shift) % p) % p;
    int r = static_cast<int>(mantissa % static_cast<std::uint32_t>(p)) * power % p;
    if ((u >> 31) != 0) r = r == 0 ? 0 : p - r;
    return static_cast<std::int8_t>(2 * r >= p ? r - p : r);
}

// Writes `count` lines, of which `lines` from `first` on exist; zeros behind them and behind their terms.
void lay_out(Runtime& runtime, const SumSide<float> side, std::int64_t base, std::int64_t first, std::int64_t lines, std::int64_t count, std::int64_t terms,
             std::int64_t width, int exponent, int p, std::int8_t* to) {
    for_each(runtime, count * width, TAPER_BODY(std::int64_t i) {
        const std::int64_t line = i / width, k = i % width;
        to[i] = line < lines && k < terms ? residue(side.at(base, first + line, k), exponent, p) : static_cast<std::int8_t>(0);
    });
}

void reduce_each(Runtime& runtime, std::int64_t n, const std::int32_t* sums, int p, std::uint8_t* residues) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        const int r = sums[i] % p;
        residues[i] = static_cast<std::uint8_t>(r < 0 ? r + p : r);
    });
}

// A natural number of several pieces of 64 bits, least significant first.
struct Natural {
    std::uint64_t piece[pieces] = {};

    TAPER_FN void multiply_add(std::uint64_t factor, std::uint64_t term) {
        Wide carry = term;
        for (int i = 0; i < pieces; ++i) {
            carry += Wide{piece[i]} * factor;
            piece[i] = static_cast<std::uint64_t>(carry);
            carry >>= 64;
        }
    }
    TAPER_FN bool above(const Natural& other) const {
        for (int i = pieces - 1; i >= 0; --i) {
            if (piece[i] != other.piece[i]) return piece[i] > other.piece[i];
        }
        return false;
    }
    TAPER_FN void subtract_from(const Natural& other) {  // this = other - this
        std::uint64_t borrow = 0;
        for (int i = 0; i < pieces; ++i) {
            const std::uint64_t part = piece[i] + borrow;
            borrow = (borrow != 0 && part == 0) || other.piece[i] < part ? 1 : 0;
            piece[i] = other.piece[i] - part;
        }
    }
};

// The product of the moduli, and half of it.
struct Range {
    Natural product, half;
    explicit Range(const Moduli& moduli) {
        product.piece[0] = 1;
        for (int i = 0; i < moduli.count; ++i) product.multiply_add(static_cast<std::uint64_t>(moduli.modulus[i]), 0);
        half = product;
        for (int i = 0; i < pieces; ++i) half.piece[i] = half.piece[i] >> 1 | (i + 1 < pieces ? half.piece[i + 1] << 63 : 0);
    }
};

struct Finish {
    DeviceSums<float> sums;
    const Moduli* moduli;
    Range range;
    int exponent, lowest;  // of a unit of the sums, and of the register with the bias
    Result y;

    TAPER_FN void output(std::int64_t entry, std::int64_t i, std::int64_t j, const std::uint8_t* residues, std::int64_t stride) const {
        // Mixed-radix digits: x = v0 + v1 p0 + v2 p0 p1 + ...
        int digit[most_moduli];
        for (int a = 0; a < moduli->count; ++a) {
            const int p = moduli->modulus[a];
            int v = residues[a * stride];
            for (int b = 0; b < a; ++b) {
                v = (v - digit[b] % p) * moduli->inverse[b][a] % p;
                v = v < 0 ? v + p : v;
            }
            digit[a] = v;
        }
        Natural x;
        for (int a = moduli->count - 1; a >= 0; --a)
            x.multiply_add(a == moduli->count - 1 ? 0 : static_cast<std::uint64_t>(moduli->modulus[a]), static_cast<std::uint64_t>(digit[a]));
        const bool negative = x.above(range.half);
        if (negative) x.subtract_from(range.product);
        ExactRegister<register_limbs> sum(lowest);
        for (int piece = 0; piece < pieces; ++piece) sum.add_shifted(negative, x.piece[piece], exponent + 64 * piece);
        if (sums.has_bias()) sum.add(sums.bias.exact(sums.bias_at(entry, i, j)));
        y.put(sums.output(entry, i, j), sum.result());
    }
};

// Residues lie by rows of `across`, and planes of them.
void finish_each(Runtime& runtime, const Finish* finish, std::int64_t rows, std::int64_t entry, std::int64_t first, std::int64_t count,
                 const std::uint8_t* residues, std::int64_t across, std::int64_t plane) {
    for_each(runtime, rows * count, TAPER_BODY(std::int64_t at) {
        finish->output(entry, at / count, first + at % count, residues + at / count * across + at % count, plane);
    });
}

template <class T>
Buffer<T> on_device(Runtime& runtime, const T& value) {
    Buffer<T> copy(runtime, 1);
    runtime.copy_in(&value, copy.data(), sizeof(T));
    return copy;
}

constexpr std::int64_t most_elements = std::int64_t{1} << 28;
constexpr std::int64_t least_rows = 32;  // cuBLASLt has no int8 product of 16 rows or fewer

}  // namespace

bool residue_sums(Runtime& runtime, const SumCall& call) {
    const Format &left = call.left.format(), &right = call.right.format();
    const int exponent = left.min_exponent() + right.min_exponent();
    const int bits = left.max_exponent() + right.max_exponent() + 2 - exponent + log2_ceiling(call.shape.terms() + 1);
    const int count = moduli_for(bits);
    const RegisterSize size = register_size(call);
    if (!pays_to_lay_out(call.shape) || count == 0 || call.shape.terms() >= (std::int64_t{1} << 17) || size.limbs > register_limbs - 1) return false;
    const SumProblem<float> problem(runtime, call);
    const DeviceSums<float> s = problem.sums();
    const Moduli moduli(count);
    const Buffer<Moduli> moduli_copy = on_device(runtime, moduli);
    const Buffer<Finish> finish = on_device(runtime, Finish{s, moduli_copy.data(), Range(moduli), exponent, size.lowest, Result(runtime, call.y, call.mode)});
    const std::int64_t width = padded_terms(s.terms, int8_multiple), rows = padded_terms(std::max(s.rows, least_rows), int8_multiple);
    const std::int64_t room = std::min({padded_terms(s.columns, int8_multiple), most_elements / width, most_elements / (rows * count)});
    const std::int64_t step = std::max(room / int8_multiple * int8_multiple, int8_multiple);
    const Buffer<std::int8_t> a(runtime, rows * width), b(runtime, step * width);
    const Buffer<std::int32_t> sums(runtime, rows * step);
    const Buffer<std::uint8_t> residues(runtime, rows * step * count);
    for (std::int64_t entry = 0; entry < s.batch; ++entry) {
        const SumBase& base = call.shape.batch[static_cast<std::size_t>(entry)];
        for (std::int64_t first = 0; first < s.columns; first += step) {
            const std::int64_t columns = std::min(step, s.columns - first), across = padded_terms(columns, int8_multiple);
            for (int i = 0; i < count; ++i) {
                lay_out(runtime, s.left, base.left, 0, s.rows, rows, s.terms, width, left.min_exponent(), moduli.modulus[i], a.data());
                lay_out(runtime, s.right, base.right, first, columns, across, s.terms, width, right.min_exponent(), moduli.modulus[i], b.data());
                gemm(runtime, dense_gemm(rows, across, width), a.data(), b.data(), sums.data());
                reduce_each(runtime, rows * across, sums.data(), moduli.modulus[i], residues.data() + i * rows * across);
            }
            finish_each(runtime, finish.data(), s.rows, entry, first, columns, residues.data(), across, rows * across);
        }
    }
    return true;
}

}  // namespace taper::cuda
