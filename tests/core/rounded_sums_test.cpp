// Sums that are rounded at every step, bit for bit against SerialSum, which defines them: every accumulator, sizes around the edges of tiles.
#include <fmt/format.h>

#include <taper/core/cpu/sums.h>

#include "core/rounded_sums_support.h"

namespace taper::tests {
namespace {

class RoundedSums : public CoreOps {};

TEST_F(RoundedSums, EveryAccumulatorGivesTheBitsOfItsDefinition) {
    const std::vector<std::int64_t> depths{0, 1, 7, 8, 9, 31, 32, 33, 127, 128, 129, 1000}, rows{1, 2, 3, 4, 7, 8, 9, 15, 17},
        columns{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 97};
    Choices choose;
    for (int round = 0; round < 4; ++round) {
        for (const Format& format : sum_formats()) {
            for (const std::int64_t depth : depths) {
                const std::int64_t most_rows = depth > 100 ? 3 : 17, most_columns = depth > 100 ? 5 : 97;
                for (const Accumulator& accumulator : accumulators_of(format, choose.of(sum_formats()))) {
                    check_case(choose, accumulator, format, {std::min(choose.of(rows), most_rows), depth, std::min(choose.of(columns), most_columns)});
                    if (HasFailure()) return;
                }
            }
        }
    }
}

// Products of every fifth pair of the 256 codes next to 0, each a sum of its own: what is guessed of one is not redone for its neighbours' sake.
TEST_F(RoundedSums, EveryProductAlone) {
    for (const auto& [left, right] : {std::pair(Format::posit(8, 2), Format::posit(8, 2)), {Format::posit(16, 3), Format::posit(8, 1)}}) {
        std::vector<std::uint64_t> a, b;
        for (std::uint64_t i = 1; i < 65536; i += 5) {
            a.push_back(static_cast<std::uint64_t>(static_cast<std::int8_t>(i >> 8)) & code_mask(left));
            b.push_back((i + (i >> 8)) % 256);
        }
        const std::int64_t n = static_cast<std::int64_t>(a.size());
        const Tensor x = Tensor::from_codes(a, {n, 1, 1}, left), w = Tensor::from_codes(b, {n, 1, 1}, right);
        const std::vector<double> xs = x.to_vector_double(), ws = w.to_vector_double();
        for (const char* name : {"posit(8,0)", "posit(8,1)", "posit(8,2)", "posit(16,1)", "posit(16,2)", "posit(16,3)", "posit(9,4)"}) {
            const Format format = Format::parse(name);
            for (const Accumulator& accumulator : {Accumulator::rounded(format), Accumulator::rounded_f32(format)}) {
                for (const double bias : {0.0, 1.0, -0x1p-20}) {
                    const Tensor first = Tensor::from(std::vector<double>{bias}, {1}, Format::float32());
                    const std::vector<std::uint64_t> got =
                        core::matmul(x, w, {.accumulator = accumulator, .output = Target(Format::float32()), .bias = first}).codes();
                    SerialSum sum(accumulator, left, right);
                    for (std::size_t i = 0; i < got.size(); ++i) {
                        sum.start(i, bias);
                        sum.add(xs[i], ws[i]);
                        ASSERT_TRUE(same(Format::float32(), got[i], sum.finish(Format::float32())))
                            << accumulator.name() << " of " << bias << " and " << xs[i] << " times " << ws[i];
                    }
                }
            }
        }
    }
}

// More than a block of rows, columns and terms; sides that are exchanged.
TEST_F(RoundedSums, LargeSizes) {
    Choices choose;
    for (const std::array<std::int64_t, 3> sizes :
         {std::array<std::int64_t, 3>{203, 3, 141}, {2, 600, 261}, {400, 257, 1}, {64, 84, 10}, {33, 70, 1}, {9, 300, 65}}) {
        for (const char* name : {"posit(16,2)", "posit(8,1)", "fp16", "posit(16,1)", "float32"}) {
            const Format format = Format::parse(name);
            for (const Accumulator& accumulator :
                 {Accumulator::rounded(format), Accumulator::rounded_f32(format), Accumulator::chunked(100, Accumulator::compensated(format), format)})
                check_case(choose, accumulator, format, sizes);
        }
    }
}

TEST_F(RoundedSums, SameForAllThreadCounts) {
    const Tensor a = normal({65, 130}, 1, Format::posit(8, 2)), b = normal({130, 75}, 2, Format::posit(8, 2));
    const Tensor x = normal({3, 4, 12, 12}, 3, Format::posit(8, 2)), w = normal({5, 4, 3, 3}, 4, Format::posit(8, 2));
    for (const char* name : {"rounded(posit(16,2))", "rounded_f32(posit(16,2))", "rounded(posit(16,1),fp16)", "compensated(posit(8,2))",
                             "chunked(7,float32,fp16)", "rounded(float32)"}) {
        const Accumulator accumulator = Accumulator::parse(name);
        expect_same_for_all_thread_counts([&] { return core::matmul(a, b, {.accumulator = accumulator}); }, name);
        expect_same_for_all_thread_counts([&] { return core::conv2d(x, w, {}, {.padding = 1}, {.accumulator = accumulator}); }, name);
        expect_same_for_all_thread_counts(
            [&] { return core::conv2d_backward_weights(core::conv2d(x, w, {}, {}), x, w.shape(), {}, {.accumulator = accumulator}); }, name);
    }
}

// Sums next to a tie, which two roundings get wrong.
TEST_F(RoundedSums, RoundOnceWhereTwoRoundingsDiffer) {
    struct Case {
        const char* format;
        double a, b;
        std::uint64_t start;
        double once, twice;
    };
    for (const Case& c : {Case{"posit(8,2)", 9, 2, 0x01, 20, 16},
                          {"posit(8,2)", 1.75, 0.75, 0x01, 1.375, 1.25},
                          {"e5m2", 192, 192, 0x01, 40960, 32768},
                          {"e5m2", 24, 12, 0x01, 320, 256}}) {
        const Format f = Format::parse(c.format);
        const std::vector<std::uint64_t> a{encode_one(f, c.a)}, b{encode_one(f, c.b)};
        EXPECT_EQ(decode_one(f, dot(fmt::format("rounded({})", c.format).c_str(), c.format, a, b, c.start)), c.once);
        EXPECT_EQ(decode_one(f, dot(fmt::format("rounded_f32({})", c.format).c_str(), c.format, a, b, c.start)), c.twice);
    }
    EXPECT_EQ(dot("rounded(posit(16,2))", "posit(16,2)", {0x72b8}, {0x7280}, 0xfffb), 0x7d59u);
}

// Products and sums rounded apart, and together.
TEST_F(RoundedSums, PublishedDotProducts) {
    struct Case {
        std::vector<std::uint64_t> a, b;
        std::uint64_t apart, together;
    };
    for (const Case& c : {Case{std::vector<std::uint64_t>(32, 0x40), std::vector<std::uint64_t>(32, 0x40), 0x60, 0x60},
                          {{0x7f, 0x40, 0x7f}, {0x7f, 0x40, 0x81}, 0x00, 0x81},
                          {{0xad, 0x3e, 0xb3, 0xcf, 0x53, 0xca, 0x42, 0x45}, {0xb0, 0xb5, 0xc4, 0x55, 0xb1, 0xb0, 0x32, 0x49}, 0x5a, 0x59},
                          {{0xae, 0x6c, 0xd6, 0xac}, {0xbe, 0x1f, 0xff, 0x44}, 0x50, 0x50},
                          {{1, 1, 1, 1}, {1, 1, 1, 1}, 0x01, 0x01}}) {
        EXPECT_EQ(dot("rounded(posit(8,2),posit(8,2))", "posit(8,2)", c.a, c.b), c.apart);
        EXPECT_EQ(dot("rounded(posit(8,2))", "posit(8,2)", c.a, c.b), c.together);
    }
}

TEST_F(RoundedSums, TheOrderOfTermsCounts) {
    const std::vector<std::uint64_t> ones(5, 0x40);
    EXPECT_EQ(dot("rounded(posit(8,2))", "posit(8,2)", {0x60, 0x40, 0x40, 0x40, 0x40}, ones), 0x60u);  // 16, and 17 is a tie
    EXPECT_EQ(dot("rounded(posit(8,2))", "posit(8,2)", {0x40, 0x40, 0x40, 0x40, 0x60}, ones), 0x61u);  // 4 + 16
}

// Which lanes serve: a lane that is taken where it need not be is slow, one that is not taken slower.
TEST_F(RoundedSums, LanesThatServe) {
    struct Case {
        const char *accumulator, *left, *right;
        bool in_float, in_double;
    };
    const RoundingMode mode;
    Tensor y = Tensor::zeros({1, 1});
    for (const Case& c : {Case{"rounded(posit(16,2))", "posit(8,2)", "posit(8,2)", true, true},
                          {"rounded(posit(16,2))", "posit(16,2)", "posit(16,2)", true, true},
                          {"rounded(posit(16,1))", "posit(16,1)", "posit(16,1)", false, true},
                          {"rounded(bf16)", "bf16", "bf16", false, true},
                          {"rounded(fp16,fp16)", "e5m2", "e4m3", true, true},
                          {"rounded_f32(fp16)", "float32", "float32", true, false},
                          {"compensated(bf16)", "fp16", "fp16", true, true},
                          {"chunked(64,float32,fp16)", "fp16", "fp16", true, true},
                          {"chunked(64,float32,fp16)", "float32", "float32", false, true},
                          {"chunked(64,float64,fp16)", "float32", "float32", false, true},
                          {"chunked(64,rounded(bf16),posit(16,2))", "e4m3", "e4m3", true, true},
                          {"rounded(float32)", "posit(8,2)", "posit(8,2)", false, true},
                          {"rounded(posit(32,2))", "posit(32,2)", "posit(8,0)", false, true},
                          {"rounded(posit(32,2))", "posit(32,2)", "posit(32,2)", false, false},
                          {"rounded(posit(16,2),stochastic)", "posit(8,2)", "posit(8,2)", false, false},
                          {"chunked(8,exact,fp16)", "fp16", "fp16", false, false}}) {
        const Accumulator accumulator = Accumulator::parse(c.accumulator);
        const Format left = Format::parse(c.left), right = Format::parse(c.right);
        const cpu::SumCall call{accumulator, left, right, y, mode};
        EXPECT_EQ(cpu::sums_on_lanes<float>(call), c.in_float) << c.accumulator << " of " << c.left << " and " << c.right;
        EXPECT_EQ(cpu::sums_on_lanes<double>(call), c.in_double) << c.accumulator << " of " << c.left << " and " << c.right;
    }
}

}  // namespace
}  // namespace taper::tests
