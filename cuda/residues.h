// Integers modulo pairwise coprime numbers of at most 8 bits, and a sum put together from its residues by the Chinese remainder theorem.  Remainders are
// multiplications by reciprocals, exact for every 32-bit number.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include <taper/formats/lane.h>

namespace taper::cuda {

constexpr int most_moduli = 32;
constexpr int most_words = 8;  // of 32 bits, of a sum
constexpr std::array<std::uint32_t, most_moduli> all_moduli = {256, 255, 253, 251, 247, 241, 239, 233, 229, 227, 223, 217, 211, 199, 197, 193,
                                                               191, 181, 179, 173, 167, 163, 157, 151, 149, 139, 137, 131, 127, 113, 109, 107};

struct alignas(16) Modulus {
    std::uint32_t p = 1;
    std::uint32_t reciprocal = 0;           // floor(2^32 / p)
    std::uint32_t share = 0;                // floor(2^25 / p)
    std::uint32_t positive = 0;             // the multiple of p in [2^31, 2^31 + p)
    std::uint32_t weight[most_words] = {};  // the product of the other moduli, modulo 2^256

    Modulus() = default;
    explicit Modulus(std::uint32_t number)
        : p(number),
          reciprocal(static_cast<std::uint32_t>((std::uint64_t{1} << 32) / number)),
          share((1u << 25) / number),
          positive(((1u << 31) + number - 1) / number * number) {}

    // x modulo p, or that plus p.  floor(x reciprocal / 2^32) is floor(x / p) or one less: x / p exceeds x reciprocal / 2^32 by
    // x (2^32 mod p) / (p 2^32) < 1.
    TAPER_FN std::uint32_t remainder(std::uint32_t x) const { return x - static_cast<std::uint32_t>(std::uint64_t{x} * reciprocal >> 32) * p; }
    // Of mantissa factor, in [-p / 2, p / 2): with mantissa < 2^24 and factor < p, what is reduced is below 2^32.
    TAPER_FN std::int8_t residue(std::uint32_t mantissa, std::uint32_t factor) const {
        const std::uint32_t r = remainder(mantissa * factor + p / 2);
        return static_cast<std::int8_t>(static_cast<int>(r < p ? r : r - p) - static_cast<int>(p / 2));
    }
    // Of an int32 in [-2^31, 2^31 - p), in [0, 2 p).
    TAPER_FN std::uint32_t digit(std::int32_t sum) const { return remainder(static_cast<std::uint32_t>(sum) + positive); }
};

// x = sum of digit_i weight_i - wraps product, where digit_i = x / weight_i modulo p_i.
struct Moduli {
    int count;
    std::uint32_t negated_product[most_words] = {1};  // modulo 2^256
    Modulus of[most_moduli];

    explicit Moduli(int n) : count(n) {
        for (int a = 0; a < n; ++a) {
            of[a] = Modulus(all_moduli[static_cast<std::size_t>(a)]);
            multiply(negated_product, of[a].p);
            of[a].weight[0] = 1;
            for (int b = 0; b < n; ++b) {
                if (b != a) multiply(of[a].weight, all_moduli[static_cast<std::size_t>(b)]);
            }
        }
        bool borrows = false;
        for (std::uint32_t& word : negated_product) {
            const bool zero = word == 0;
            word = borrows ? ~word : 0 - word;
            borrows = borrows || !zero;
        }
    }

  private:
    static void multiply(std::uint32_t* number, std::uint32_t factor) {
        std::uint64_t carry = 0;
        for (int i = 0; i < most_words; ++i) {
            carry += std::uint64_t{number[i]} * factor;
            number[i] = static_cast<std::uint32_t>(carry);
            carry >>= 32;
        }
    }
};

// How many moduli tell sums of magnitude at most 2^bits apart; 0: more than there are.  A hundredth of a bit of room keeps x / product off the halves
// by more than 0.003, where Number::finish() rounds it.
inline int moduli_for(double bits) {
    double room = -1;
    for (int n = 0; n < most_moduli; ++n) {
        room += std::log2(static_cast<double>(all_moduli[static_cast<std::size_t>(n)]));
        if (room > bits + 0.01) return n + 1;
    }
    return 0;
}

// (-1)^negative mantissa 2^shift as mantissa < 2^24 and a place in the tables of factors.
struct Integer {
    std::uint32_t mantissa = 0, place = 0;  // 2 shift + negative
};

// x 2^-exponent, an integer.
TAPER_FN Integer integer_of(float x, int exponent) {
    const std::uint32_t u = bits_as<std::uint32_t>(x), field = u >> 23 & 0xff;
    const std::uint32_t mantissa = field == 0 ? u & 0x7fffff : (u & 0x7fffff) | 0x800000;
    if (mantissa == 0) return {};
    const int shift = static_cast<int>(field == 0 ? 1 : field) - 150 - exponent;
    return {shift < 0 ? mantissa >> -shift : mantissa, (shift < 0 ? 0 : static_cast<std::uint32_t>(shift) << 1) | u >> 31};
}

// (-1)^negative 2^shift modulo each p, for the left side of products divided by the weight.
struct Factors {
    static constexpr int most_shifts = 256;
    std::uint8_t of[most_moduli][2 * most_shifts] = {};

    Factors(const Moduli& moduli, int shifts, bool left) {
        for (int a = 0; a < moduli.count; ++a) {
            const std::uint32_t p = moduli.of[a].p;
            std::uint32_t factor = left ? inverse_weight(moduli, a) : 1;
            for (int shift = 0; shift < shifts; ++shift) {
                of[a][2 * shift] = static_cast<std::uint8_t>(factor);
                of[a][2 * shift + 1] = static_cast<std::uint8_t>((p - factor) % p);
                factor = 2 * factor % p;
            }
        }
    }

  private:
    static std::uint32_t inverse_weight(const Moduli& moduli, int a) {
        const std::uint32_t p = moduli.of[a].p;
        std::uint32_t weight = 1, inverse = 1;
        for (int b = 0; b < moduli.count; ++b) weight = b == a ? weight : weight * moduli.of[b].p % p;
        while (weight * inverse % p != 1) ++inverse;
        return inverse;
    }
};

// A sum of magnitude below 2^(32 words - 1), from its digits.
template <int words>
struct Number {
    std::uint64_t word[words] = {};  // without carries: below 2^46
    std::uint32_t wraps = 0;         // x / product + a multiple of 1, times 2^25; too small by less than 32 512 / 2^25 < 0.0005

    TAPER_FN void add(const Modulus& m, std::uint32_t digit) {
        wraps += digit * m.share;
        for (int i = 0; i < words; ++i) word[i] += std::uint64_t{digit} * m.weight[i];
    }
    // Two's complement, in 64-bit limbs.
    TAPER_FN void finish(const Moduli& moduli, std::uint64_t* limbs) const {
        const std::uint64_t multiple = (wraps + (1u << 24)) >> 25;
        std::uint64_t carry = 0;
        for (int i = 0; i < words; ++i) {
            carry += word[i] + multiple * moduli.negated_product[i];
            limbs[i / 2] = i % 2 == 0 ? carry & 0xffffffffu : limbs[i / 2] | carry << 32;
            carry >>= 32;
        }
    }
};

}  // namespace taper::cuda
