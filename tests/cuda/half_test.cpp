// Multiply-adds of pairs of halves against exact arithmetic rounded once; when a rounding to float32 in between changes nothing.
#include <gtest/gtest.h>

#include <random>

#include <taper/cuda/array_convert.h>
#include <taper/formats/arithmetic.h>
#include <taper/formats/number.h>

namespace taper::cuda {
namespace {

const std::vector<Minifloat> halves{Float16::layout(), Bfloat16::layout()};

Format format_of(const Minifloat& half) { return Format::minifloat(half.exponent, half.mantissa); }

std::uint32_t fused(const Minifloat& half, std::uint32_t a, std::uint32_t b, std::uint32_t s) {
    return half == Float16::layout() ? fused_pair<Float16>(a, b, s) : fused_pair<Bfloat16>(a, b, s);
}

// 0, the ends of the subnormal and of the normal numbers, 1 and its neighbours, infinity and NaN, of both signs.
std::vector<std::uint32_t> special_codes(const Minifloat& half) {
    const std::uint32_t unit = 1u << half.mantissa, one = static_cast<std::uint32_t>(half.bias()) * unit,
                        infinity = static_cast<std::uint32_t>(half.infinity_code());
    std::vector<std::uint32_t> codes;
    for (const std::uint32_t magnitude :
         {0u, 1u, 2u, 3u, unit / 2, unit - 1, unit, unit + 1, one - 1, one, one + 1, infinity - 1, infinity, infinity + 1, 0x7fffu}) {
        codes.push_back(magnitude);
        codes.push_back(magnitude | 0x8000u);
    }
    return codes;
}

// Both places of a pair; a NaN is any NaN.
void check(const Minifloat& half, std::uint32_t a, std::uint32_t b, std::uint32_t s) {
    const Format f = format_of(half);
    const Number want = fma(Number(f, a), Number(f, b), Number(f, s)), swapped = fma(Number(f, b), Number(f, s), Number(f, a));
    const std::uint32_t got = fused(half, a | b << 16, b | s << 16, s | a << 16);
    ASSERT_TRUE(want.is_nan() ? Number(f, got & 0xffff).is_nan() : (got & 0xffff) == want.code()) << f.name() << std::hex << " " << a << " " << b << " " << s;
    ASSERT_TRUE(swapped.is_nan() ? Number(f, got >> 16).is_nan() : got >> 16 == swapped.code()) << f.name() << std::hex << " " << b << " " << s << " " << a;
}

TEST(Halves, AreFusedWithOneRounding) {
    for (const Minifloat& half : halves) {
        const std::vector<std::uint32_t> codes = special_codes(half);
        for (const std::uint32_t a : codes) {
            for (const std::uint32_t b : codes) {
                for (const std::uint32_t s : codes) check(half, a, b, s);
            }
        }
        std::mt19937 random(1);
        for (int i = 0; i < 500000; ++i) {
            const std::uint32_t a = random() & 0xffff, b = random() & 0xffff;
            check(half, a, b, random() & 0xffff);
            check(half, a, b, (fused(half, a, b, 0) & 0xffff) ^ 0x8000u ^ (random() & 3));  // most of a b cancels
        }
    }
}

TEST(Halves, HoldWhatFloat32MakesOfThem) {
    for (std::uint32_t code = 0; code < 65536; ++code) {
        const float x = value_of_half<Float16>(code), y = value_of_half<Bfloat16>(code);
        EXPECT_EQ(Halved()(x).bits, Number(Format::minifloat(5, 10), code).is_nan() ? 0x7e00u : code);
        EXPECT_TRUE(y != y || Narrow()(y).bits == code);
        EXPECT_EQ(doubled(code, 0), code * 0x10001u);
        EXPECT_EQ(doubled(code << 16, 1), code * 0x10001u);
    }
}

// s + t, t of `bits` significant bits and the exponent e, rounded at once, and over float32.
struct Roundings {
    std::uint64_t once, twice;
};
Roundings roundings(const Minifloat& half, std::uint32_t s, std::uint64_t t, int bits, int e, bool negative) {
    const Unpacked sum = exact_add(half.unpack(s), unpacked_from(negative, t, e - bits + 1));
    const Unpacked in_float32 = Float32{}.unpack(Float32{}.pack(sum, Rounding::nearest, 0));
    return {half.pack(sum, Rounding::nearest, 0), half.pack(in_float32, Rounding::nearest, 0)};
}

TEST(Halves, Float32BetweenChangesNothingOfProductsOfSoFewBits) {
    std::mt19937 random(2);
    for (const Minifloat& half : halves) {
        const int bits = half.significand_bits(), lowest = 2 * half.min_exponent() - 1, highest = 2 * (1 << (half.exponent - 1));
        const std::uint32_t infinity = static_cast<std::uint32_t>(half.infinity_code());
        for (int e = lowest; e <= highest; ++e) {
            for (int i = 0; i < 20000; ++i) {
                const std::uint64_t leading = std::uint64_t{1} << (bits - 1);
                const std::uint64_t t = i % 3 == 0 ? leading : i % 3 == 1 ? 2 * leading - 1 : leading + random() % leading;
                std::uint32_t s = random() % (infinity + 1);  // of any exponent, all bits 0 or 1 as often as at random
                s = i % 5 == 0 ? s & ~static_cast<std::uint32_t>(leading - 1) : i % 5 == 1 && s < infinity ? s | static_cast<std::uint32_t>(leading - 1) : s;
                const Roundings r = roundings(half, s, t, bits, e, i % 2 == 0);
                ASSERT_EQ(r.once, r.twice) << format_of(half).name() << " " << std::hex << s << " and " << t << std::dec << ", exponent " << e;
            }
        }
        const Roundings wider = roundings(half, half == Float16::layout() ? 1 : 0x3380, (std::uint64_t{1} << bits) + 1, bits + 1, 0, false);
        EXPECT_NE(wider.once, wider.twice);  // 1 + 2^-p and 2^-24: a bit more is too many
    }
}

}  // namespace
}  // namespace taper::cuda
