// Residues and the sums put together from them: remainders for every 32-bit number, sums against integers of GMP.
#include <gtest/gtest.h>

#include <gmpxx.h>

#include <random>

#include <taper/cuda/residues.h>

namespace taper::cuda {
namespace {

// x reciprocal / 2^32 grows with x: right at both ends of each run of equal quotients, it is right within.
TEST(Residues, RemaindersOfEveryNumber) {
    for (const std::uint32_t p : all_moduli) {
        const Modulus m(p);
        std::uint64_t wrong = 0;
        for (std::uint64_t first = 0; first >> 32 == 0; first += p) {
            const std::uint64_t last = std::min<std::uint64_t>(first + p - 1, 0xffffffffu);
            const std::uint32_t low = m.remainder(static_cast<std::uint32_t>(first)), high = m.remainder(static_cast<std::uint32_t>(last));
            wrong += (low != 0 && low != p) || (high != last - first && high != last - first + p) ? 1 : 0;
        }
        EXPECT_EQ(wrong, 0u) << p;
        EXPECT_EQ(m.positive % p, 0u);
        EXPECT_GE(m.positive, 1u << 31);
        EXPECT_LT(m.positive - p, 1u << 31);
    }
}

TEST(Residues, AreCongruentAndFitInt8) {
    for (const std::uint32_t p : all_moduli) {
        const Modulus m(p);
        std::uint64_t wrong = 0;
        const auto check = [&](std::uint32_t mantissa, std::uint32_t factor) {
            const std::int64_t r = m.residue(mantissa, factor), x = std::int64_t{mantissa} * factor;
            wrong += (x - r) % p != 0 || 2 * r < -std::int64_t{p} || 2 * r >= std::int64_t{p} ? 1 : 0;
        };
        for (std::uint32_t factor = 0; factor < p; ++factor) {
            for (std::uint32_t mantissa = 0; mantissa < 1024; ++mantissa) {
                check(mantissa, factor);
                check(0xffffff - mantissa, factor);
                check(mantissa * 16381, factor);
            }
        }
        EXPECT_EQ(wrong, 0u) << p;
    }
}

TEST(Residues, DigitsOfSums) {
    for (const std::uint32_t p : all_moduli) {
        const Modulus m(p);
        constexpr std::int32_t most = ((1 << 17) - 1) << 14;
        for (std::int32_t i = 0; i < 100000; ++i) {
            for (const std::int32_t sum : {most - i, i - most, i, -i}) {
                const std::uint32_t digit = m.digit(sum);
                ASSERT_EQ((std::int64_t{sum} - digit) % p, 0) << p << " " << sum;
                ASSERT_LT(digit, 2 * p);
            }
        }
    }
}

TEST(Residues, IntegersOfFloats) {
    const auto value = [](const Integer& x) {
        return std::ldexp(x.place % 2 == 0 ? x.mantissa : -static_cast<double>(x.mantissa), static_cast<int>(x.place / 2));
    };
    for (const float x : {0.0f, -0.0f, 1.0f, -1.5f, 0x1.fffffep20f, -0x1p40f, 0x1.4p-3f}) EXPECT_EQ(value(integer_of(x, -5)), std::ldexp(x, 5)) << x;
    for (const float x : {0x1p-149f, -0x1.8p-130f, 0x1p-126f}) EXPECT_EQ(value(integer_of(x, -149)), std::ldexp(static_cast<double>(x), 149)) << x;
}

mpz_class power_of_two(int n) { return mpz_class(1) << n; }

// The sum as limbs say, from digits as products of residues give them: of x, or of x with p added.
template <int words>
mpz_class put_together(const Moduli& moduli, const mpz_class& x, bool larger) {
    const Factors factors(moduli, 1, true);
    Number<words> number;
    for (int a = 0; a < moduli.count; ++a) {
        const std::uint32_t p = moduli.of[a].p;
        const mpz_class left = x * factors.of[a][0];
        number.add(moduli.of[a], static_cast<std::uint32_t>(mpz_fdiv_ui(left.get_mpz_t(), p)) + (larger ? p : 0));
    }
    std::uint64_t limbs[words / 2];
    number.finish(moduli, limbs);
    mpz_class y = 0;
    for (int l = words / 2 - 1; l >= 0; --l) y = (y << 64) + mpz_class(limbs[l]);
    return static_cast<std::int64_t>(limbs[words / 2 - 1]) < 0 ? mpz_class(y - power_of_two(32 * words)) : y;
}

template <int words>
void check_sums(int bits, gmp_randclass& random) {
    const Moduli moduli(moduli_for(bits));
    const mpz_class most = power_of_two(bits);
    for (int i = 0; i < 300; ++i) {
        const mpz_class magnitude = i < 3 ? mpz_class(most - i) : i < 6 ? mpz_class(i - 3) : random.get_z_range(most);
        for (const mpz_class& x : {magnitude, mpz_class(-magnitude)}) {
            ASSERT_EQ(put_together<words>(moduli, x, false), x) << bits;
            ASSERT_EQ(put_together<words>(moduli, x, true), x) << bits;
        }
    }
}

TEST(Residues, SumsOfEveryWidth) {
    gmp_randclass random(gmp_randinit_default);
    for (int bits = 2; bits <= 239; ++bits) {
        if (bits < 62) check_sums<2>(bits, random);
        if (bits < 126) check_sums<4>(bits, random);
        check_sums<8>(bits, random);
    }
    EXPECT_EQ(moduli_for(240), 0);
    EXPECT_EQ(moduli_for(124), 16);  // posit(16,1), 4096 terms
    EXPECT_EQ(moduli_for(60), 8);    // posit(8,1)
}

TEST(Residues, FactorsArePowersOfTwo) {
    const Moduli moduli(most_moduli);
    const Factors left(moduli, 240, true), right(moduli, 240, false);
    for (int a = 0; a < moduli.count; ++a) {
        const std::uint32_t p = moduli.of[a].p;
        for (int shift = 0; shift < 240; ++shift) {
            for (int negative = 0; negative < 2; ++negative) {
                const mpz_class power = negative == 0 ? power_of_two(shift) : mpz_class(-power_of_two(shift));
                const int place = 2 * shift + negative;
                EXPECT_EQ(right.of[a][place], mpz_fdiv_ui(power.get_mpz_t(), p));
                EXPECT_EQ(left.of[a][place], mpz_fdiv_ui(mpz_class(power * left.of[a][0]).get_mpz_t(), p));
            }
        }
    }
}

}  // namespace
}  // namespace taper::cuda
