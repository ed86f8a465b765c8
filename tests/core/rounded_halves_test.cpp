// Sums rounded at every step to fp16 or bf16, which a GPU may form on pairs of halves.
#include <fmt/format.h>

#include "core/rounded_sums_support.h"

namespace taper::tests {
namespace {

class RoundedHalves : public CoreOps {};

// Operands that these hold and that they do not, matrices as they lie and transposed, in
// eights and not, one by one and in batches.
TEST_F(RoundedHalves, GiveTheBitsOfTheirDefinition) {
    const std::vector<Format> formats = parse_all({"posit(8,1)", "posit(8,2)", "posit(6,1)", "posit(7,2)", "e4m3", "e5m2", "fp16", "bf16", "fixed(8,4)",
                                                   "fixed(8,-9)", "e4m3*2.938735877055719e-39"});
    const std::vector<std::array<std::int64_t, 3>> sizes{{8, 16, 24}, {7, 17, 9}, {5, 3, 130}, {16, 40, 8}, {136, 8, 1}, {1, 33, 15}, {3, 0, 2}};
    Choices choose;
    const auto random = [&](const Shape& shape) { return operand(shape, choose.of(formats), static_cast<Data>(choose.random() % 3), choose.random); };
    for (const char* name : {"rounded(fp16)", "rounded(bf16)", "rounded_f32(fp16)", "rounded_f32(bf16)"}) {
        const Accumulator accumulator = Accumulator::parse(name);
        for (int round = 0; round < 20; ++round) {
            for (const auto& [m, k, n] : sizes) {
                Tensor a = random({m, k});
                const Tensor b = random({k, n}), bias = choose.random() % 2 == 0 ? random({n}) : Tensor();
                if (choose.random() % 4 == 0) a = with_special(a, choose.random);
                const Target output(choose.random() % 2 == 0 ? accumulator.format() : choose.of(formats), Rounding::nearest);
                check(a, b, bias, accumulator, output);
                const std::vector<std::uint64_t> want = codes_of(core::matmul(a, b, {false, false, accumulator, output, bias}));
                const Tensor at = core::permute(a, std::array{1, 0}), bt = core::permute(b, std::array{1, 0});
                EXPECT_EQ(codes_of(core::matmul(at, b, {true, false, accumulator, output, bias})), want) << name;
                EXPECT_EQ(codes_of(core::matmul(a, bt, {false, true, accumulator, output, bias})), want) << name;
                EXPECT_EQ(codes_of(core::matmul(at, bt, {true, true, accumulator, output, bias})), want) << name;
            }
        }
        for (const auto& [m, k, n] : sizes) {
            const Tensor a = random({2, m, k}), b = random({2, k, n});
            const core::MatmulOptions options{.accumulator = accumulator};
            const std::vector<std::uint64_t> both = codes_of(core::matmul(a, b, options));
            for (std::int64_t e = 0; e < 2; ++e) {
                const Tensor one = core::matmul(core::slice(a, 0, e, e + 1), core::slice(b, 0, e, e + 1), options);
                EXPECT_EQ(codes_of(one), std::vector<std::uint64_t>(both.begin() + e * m * n, both.begin() + (e + 1) * m * n)) << name;
            }
        }
    }
}

TEST_F(RoundedHalves, OverflowAndUnderflow) {
    struct Case {
        const char* accumulator;
        double bias, a, b, want;
    };
    const double infinity = std::numeric_limits<double>::infinity();
    for (const Case& c : {Case{"fp16", 65504, 4, 3.75, 65504},
                          {"fp16", 65504, 4, 4, infinity},  // a tie
                          {"fp16", -65504, 4, -4, -infinity},
                          {"fp16", -65504, 208, 240, -65504 + 208 * 240},
                          {"fp16", 0, 240, -240, -57600},
                          {"fp16", 0x1p-24, 0x1p-9, 0x1p-9, 0x1p-18 + 0x1p-24},
                          {"fp16", 0x1p-24, -0x1p-9, 0.875, -0x1p-9 * 0.875},
                          {"bf16", 0x1.fep127, 240, 240, 0x1.fep127},
                          {"bf16", 0x1p-133, 0x1p-9, 0x1p-9, 0x1p-18},
                          {"bf16", -0x1p-133, 0, 1, -0x1p-133}}) {
        for (const char* kind : {"rounded", "rounded_f32"}) {
            const Format sum = Format::parse(c.accumulator), f = Format::parse("e4m3");
            const Tensor a = Tensor::from(std::vector<double>{c.a}, {1, 1}, f), b = Tensor::from(std::vector<double>{c.b}, {1, 1}, f);
            const Tensor bias = Tensor::from(std::vector<double>{c.bias}, {1}, sum);
            const Accumulator accumulator = Accumulator::parse(fmt::format("{}({})", kind, c.accumulator));
            EXPECT_EQ(core::matmul(a, b, {.accumulator = accumulator, .output = Target(sum), .bias = bias}).to_vector_double()[0], c.want)
                << accumulator.name() << " of " << c.bias << " and " << c.a << " times " << c.b;
        }
    }
    EXPECT_EQ(dot("rounded(fp16)", "fp16", {0x7bff}, {0x7bff}), 0x7c00u);
    EXPECT_EQ(dot("rounded(fp16)", "fp16", {0x7bff, 0x7bff}, {0x7bff, 0xfbff}), 0x7c00u);  // for good
    EXPECT_EQ(dot("rounded(fp16)", "fp16", {0x7c00, 0xfc00}, {0x3c00, 0x3c00}), 0x7e00u);
    EXPECT_EQ(dot("rounded(fp16)", "fp16", {0x0400}, {0x3800}), 0x0200u);  // a subnormal number
    EXPECT_EQ(dot("rounded(fp16)", "fp16", {0x0001}, {0x3800}), 0x0000u);  // a tie
    EXPECT_EQ(dot("rounded(fp16)", "fp16", {0x0003}, {0xb800}), 0x8002u);
    EXPECT_EQ(dot("rounded(fp16)", "fp16", {0x8000}, {0x3c00}, 0x8000), 0x8000u);  // -0
    EXPECT_EQ(dot("rounded(bf16)", "bf16", {0x0080}, {0x3f00}), 0x0040u);
    EXPECT_EQ(dot("rounded(bf16)", "bf16", {0x0001}, {0xbf00}), 0x8000u);
    EXPECT_EQ(dot("rounded(bf16)", "bf16", {0x7f7f}, {0x7f7f}, 0xff80), 0xff80u);
}

// Products of one bit more than the format has, halfway between two of its values, and a sum so small that float32 loses it.
TEST_F(RoundedHalves, RoundTwiceOverFloat32) {
    struct Case {
        const char *accumulator, *left, *right;
        double bias, a, b, want;
    };
    for (const Case& c : {Case{"rounded(fp16)", "posit(8,0)", "posit(8,0)", 0x1p-24, 63.0 / 32, 63.0 / 32, 1985.0 / 512},
                          {"rounded_f32(fp16)", "posit(8,0)", "posit(8,0)", 0x1p-24, 63.0 / 32, 63.0 / 32, 1984.0 / 512},
                          {"rounded(bf16)", "posit(8,1)", "posit(8,2)", 0x1p-30, 31.0 / 16, 15.0 / 8, 233.0 / 64},
                          {"rounded_f32(bf16)", "posit(8,1)", "posit(8,2)", 0x1p-30, 31.0 / 16, 15.0 / 8, 232.0 / 64}}) {
        const Tensor a = Tensor::from(std::vector<double>{c.a}, {1, 1}, Format::parse(c.left));
        const Tensor b = Tensor::from(std::vector<double>{c.b}, {1, 1}, Format::parse(c.right));
        const Tensor bias = Tensor::from(std::vector<double>{c.bias}, {1}, Format::float32());
        const core::MatmulOptions options{.accumulator = Accumulator::parse(c.accumulator), .output = Target(Format::float32()), .bias = bias};
        EXPECT_EQ(core::matmul(a, b, options).to_vector()[0], c.want) << c.accumulator;
    }
}

}  // namespace
}  // namespace taper::tests
