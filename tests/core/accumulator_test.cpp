// Names and equality of accumulators.
#include <gtest/gtest.h>

#include <taper/core/accumulator.h>
#include <taper/core/ops.h>

#include "support/throws.h"

namespace taper::tests {

const Format fp16 = Format::parse("fp16"), p16 = Format::posit(16, 2);

TEST(Accumulator, NamesParseBack) {
    const auto sum = Accumulator::rounded(Format::parse("e4m3,sat"), fp16);
    for (const auto& [accumulator, name] :
         {std::pair<Accumulator, const char*>{{}, "float32"},
          {Accumulator::float64(), "float64"},
          {Accumulator::exact(), "exact"},
          {Accumulator::exact(Rounding::stochastic), "exact(stochastic)"},
          {Accumulator::rounded(p16), "rounded(posit(16,2))"},
          {Accumulator::rounded(fp16, p16), "rounded(fp16,posit(16,2))"},
          {Accumulator::rounded(p16, Rounding::stochastic), "rounded(posit(16,2),stochastic)"},
          {sum, "rounded(e4m3,sat,fp16)"},
          {Accumulator::rounded(fp16, Format::parse("e4m3,sat"), Rounding::stochastic), "rounded(fp16,e4m3,sat,stochastic)"},
          {Accumulator::rounded_f32(fp16), "rounded_f32(fp16)"},
          {Accumulator::chunked(64, {}, fp16), "chunked(64,float32,fp16)"},
          {Accumulator::chunked(7, sum, p16, Rounding::stochastic), "chunked(7,rounded(e4m3,sat,fp16),posit(16,2),stochastic)"},
          {Accumulator::rounded(Format::parse("e4m3,sat*0.5"), Format::parse("posit(8,1)*4")), "rounded(e4m3,sat*0.5,posit(8,1)*4)"},
          {Accumulator::compensated(Format::parse("bf16")), "compensated(bf16)"}}) {
        EXPECT_EQ(accumulator.name(), name);
        EXPECT_EQ(Accumulator::parse(name), accumulator) << name;
    }
    EXPECT_EQ(Accumulator::parse("  chunked ( 64 , rounded( posit( 16 , 2 ) , fp16 ) , bf16 ) ").name(), "chunked(64,rounded(posit(16,2),fp16),bf16)");
}

TEST(Accumulator, DifferentOnesAreUnequal) {
    const char* names[] = {"float32",
                           "float64",
                           "exact",
                           "exact(stochastic)",
                           "rounded(fp16)",
                           "rounded(bf16)",
                           "rounded(fp16,fp16)",
                           "rounded(fp16,stochastic)",
                           "rounded_f32(fp16)",
                           "compensated(fp16)",
                           "chunked(8,exact,fp16)",
                           "chunked(9,exact,fp16)",
                           "chunked(8,float32,fp16)"};
    for (const char* a : names) {
        for (const char* b : names) EXPECT_EQ(Accumulator::parse(a) == Accumulator::parse(b), std::string(a) == b) << a << " " << b;
    }
    EXPECT_FALSE(Accumulator::parse("chunked(8,exact,fp16)").draws());
    EXPECT_TRUE(Accumulator::parse("chunked(8,exact(stochastic),fp16)").draws());
    for (const char* name : {"float32", "rounded_f32(fp16)", "chunked(8,float32,fp16)", "chunked(8,rounded_f32(bf16),fp16)"}) EXPECT_TRUE(Accumulator::parse(name).in_float32());
    for (const char* name : {"float64", "exact", "rounded(float32)", "chunked(8,float64,float32)"}) EXPECT_FALSE(Accumulator::parse(name).in_float32());
}

TEST(Accumulator, BadOnesAreOneSentence) {
    for (const char* text :
         {"quire", "", "rounded", "rounded()", "rounded(fp16", "rounded(fp16))", "rounded(fp16,fp16,fp16)", "exact(fp16)", "float32(stochastic)",
          "chunked(64,float32)", "chunked(x,float32,fp16)", "rounded(stochastic)", "rounded(,fp16)", "compensated(fp16,fp16)", "(fp16)"}) {
        EXPECT_EQ(error_of([&] { Accumulator::parse(text); }).substr(0, 12), "Accumulator:") << text;
    }
    EXPECT_EQ(error_of([] { Accumulator::parse("rounded(posit(40,2))"); }), "Format: posit sizes out of range: posit(40,2) (want 2 <= n <= 32, 0 <= es <= 4)");
    EXPECT_EQ(error_of([] { Accumulator::rounded(Format::parse("e8m0")); }), "Accumulator: no zero in e8m0 (want a format that holds 0)");
    EXPECT_EQ(error_of([] { Accumulator::rounded(Format::int32()); }), "Accumulator: no arithmetic on indices: int32 (want a number format)");
    EXPECT_EQ(error_of([] { Accumulator::rounded_f32(Format::posit(32, 2)); }),
              "Accumulator: float32 cannot hold posit(32,2): rounded_f32 came (want rounded)");
    EXPECT_EQ(error_of([] { Accumulator::chunked(0, {}, fp16); }), "Accumulator: chunks of 0 terms (want 1 or more)");
    EXPECT_EQ(error_of([] { Accumulator::chunked(8, Accumulator::chunked(8, {}, fp16), fp16); }),
              "Accumulator: chunks within chunks: the inner accumulator is chunked (want another one)");
    std::string deep;
    for (int i = 0; i < 100000; ++i) deep += "chunked(1,";
    for (int i = 0; i < 100000; ++i) deep += ",fp16)";
    EXPECT_EQ(error_of([&] { Accumulator::parse(deep); }), "Accumulator: chunks within chunks: the inner accumulator is chunked (want another one)");
    EXPECT_EQ(error_of([] { Accumulator::exact(Rounding::zero); }), "Accumulator: no rounding toward zero: it came (want nearest or stochastic)");
}

// Operands and biases that float32 does not hold, where products or sums are formed in it.
TEST(Accumulator, OpsRefuseWhatFloat32DoesNotHold) {
    const Tensor wide = Tensor::zeros({2, 2}, Format::posit(32, 2)), narrow = Tensor::zeros({2, 2}, p16), bias = Tensor::zeros({2}, Format::posit(32, 2));
    const Tensor image = Tensor::zeros({1, 1, 2, 2}, Format::posit(32, 2)), kernel = Tensor::zeros({1, 1, 1, 1}, p16);
    for (const char* name : {"float32", "rounded_f32(fp16)", "chunked(8,float32,posit(32,2))", "chunked(8,rounded_f32(fp16),fp16)"}) {
        const Accumulator accumulator = Accumulator::parse(name);
        const auto sentence = [&](const std::string& op, const char* operand) {
            return op + ": float32 cannot hold posit(32,2): " + operand + " with accumulator " + name + " (want accumulator float64 or exact)";
        };
        EXPECT_EQ(error_of([&] { core::matmul(narrow, wide, {.accumulator = accumulator}); }), sentence("matmul", "b"));
        EXPECT_EQ(error_of([&] { core::matmul(narrow, narrow, {.accumulator = accumulator, .bias = bias}); }), sentence("matmul", "bias"));
        EXPECT_EQ(error_of([&] { core::conv2d(image, kernel, {}, {}, {.accumulator = accumulator}); }), sentence("conv2d", "x"));
        EXPECT_EQ(error_of([&] { core::conv2d_backward_data(image, kernel, {1, 1, 2, 2}, {}, {.accumulator = accumulator}); }), sentence("conv2d_backward_data", "dy"));
        EXPECT_EQ(error_of([&] { core::conv2d_backward_weights(image, image, {1, 1, 1, 1}, {}, {.accumulator = accumulator}); }), sentence("conv2d_backward_weights", "dy"));
    }
    for (const char* name : {"float64", "exact", "rounded(posit(32,2))", "rounded(fp16,fp16)", "chunked(8,exact,fp16)", "compensated(fp16)"}) {
        EXPECT_EQ(core::matmul(wide, wide, {.accumulator = Accumulator::parse(name), .bias = bias}).codes(), std::vector<std::uint64_t>(4, 0)) << name;
    }
    // float64 tensors sum in float64 where the accumulator is float32 itself.
    const Tensor doubles = Tensor::zeros({2, 2}, Format::float64());
    EXPECT_EQ(core::matmul(doubles, doubles).format(), Format::float64());
    EXPECT_EQ(error_of([&] { core::matmul(doubles, doubles, {.accumulator = Accumulator::rounded_f32(fp16)}); }),
              "matmul: float32 cannot hold float64: a with accumulator rounded_f32(fp16) (want accumulator float64 or exact)");
}

}  // namespace taper::tests
