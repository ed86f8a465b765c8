// Sums that are rounded at every step, bit for bit against SerialSum, which defines them: every accumulator, sizes around the edges of tiles.
#include <array>
#include <cmath>

#include <fmt/format.h>

#include <taper/core/cpu/sums.h>
#include <taper/core/serial_sum.h>

#include "core/product_support.h"

namespace taper::tests {
namespace {

class RoundedSums : public CoreOps {};

const std::vector<Format>& operand_formats() {
    static const std::vector<Format> formats = parse_all({"posit(6,1)", "posit(8,0)", "posit(8,1)", "posit(8,2)", "posit(16,1)", "posit(16,2)", "e4m3", "e5m2",
                                                          "bf16", "fixed(8,4)", "fp16", "posit(32,2)", "float32", "posit(8,1)*0.125", "posit(16,1)*16", "e4m3*2.938735877055719e-39"});
    return formats;
}

const std::vector<Format>& sum_formats() {
    static const std::vector<Format> formats = parse_all({"posit(6,1)",
                                                          "posit(8,0)",
                                                          "posit(8,1)",
                                                          "posit(8,2)",
                                                          "posit(16,1)",
                                                          "posit(16,2)",
                                                          "posit(32,2)",
                                                          "posit(8,2,underflow)",
                                                          "posit(16,1,underflow)",
                                                          "posit(3,0)",
                                                          "posit(2,0)",
                                                          "e4m3",
                                                          "e4m3,sat",
                                                          "e4m3fnuz",
                                                          "e5m2",
                                                          "bf16",
                                                          "bf16,sat",
                                                          "fp16",
                                                          "fp16,sat",
                                                          "float(6,9)",
                                                          "float(1,5)",
                                                          "e2m1",
                                                          "fixed(8,4)",
                                                          "fixed(16,8,symmetric)",
                                                          "fixed(24,12)",
                                                          "float32",
                                                          "float32,sat",
                                                          "posit(8,1)*0.125",
                                                          "e5m2*16",
                                                          "fixed(8,4)*4",
                                                          "fixed(16,8)*0.00390625"});
    return formats;
}

enum class Data { network, wide, codes };

double value_like(Data data, std::mt19937_64& random) {
    std::normal_distribution<double> normal;
    const double x = normal(random);
    return data == Data::network ? (random() % 8 == 0 ? 0 : x / 4) : std::copysign(std::exp(4 * normal(random)), x);
}

Tensor operand(const Shape& shape, const Format& format, Data data, std::mt19937_64& random) {
    std::vector<std::uint64_t> codes(static_cast<std::size_t>(shape.elements()));
    for (std::uint64_t& code : codes) {
        do {
            code = data == Data::codes ? random() & code_mask(format) : encode_one(format, format.scale() * value_like(data, random));
        } while (!std::isfinite(decode_one(format, code)));
    }
    return Tensor::from_codes(codes, shape, format);
}

// The same with one NaN, NaR or infinity of the format in it, where it has one.
Tensor with_special(const Tensor& x, std::mt19937_64& random) {
    std::vector<std::uint64_t> codes = x.codes();
    const Format& format = x.format();
    const double infinity = std::numeric_limits<double>::infinity();
    if (!codes.empty() && format.has_nan()) codes[random() % codes.size()] = encode_one(format, random() % 2 == 0 ? infinity : std::nan(""));
    return Tensor::from_codes(codes, x.shape(), format);
}

// a [M, K] times b [K, N] by SerialSum; NaN without a code are counted in nans.
std::vector<std::uint64_t> serial_codes(const Tensor& a, const Tensor& b, const Tensor& bias, const Accumulator& accumulator, const Target& output,
                                        std::size_t& nans) {
    const std::size_t m = static_cast<std::size_t>(a.shape()[0]), k = static_cast<std::size_t>(a.shape()[1]), n = static_cast<std::size_t>(b.shape()[1]);
    const std::vector<double> x = a.to_vector_double(), w = b.to_vector_double(), first = bias.defined() ? bias.to_vector_double() : std::vector<double>(n, 0);
    const RoundingMode mode{output.rounding, {default_generator().seed(), default_generator().stream(), 0}};
    SerialSum sum(accumulator, a.format(), b.format(), mode.draws);
    std::vector<std::uint64_t> codes(m * n);
    for (std::size_t i = 0; i < m * n; ++i) {
        sum.start(i, first[i % n]);
        for (std::size_t t = 0; t < k; ++t) sum.add(x[i / n * k + t], w[t * n + i % n]);
        codes[i] = sum.finish(output.format, mode);
        nans += sum.is_nan() && !output.format.has_nan() ? 1 : 0;
    }
    return codes;
}

void check(const Tensor& a, const Tensor& b, const Tensor& bias, const Accumulator& accumulator, const Target& output) {
    std::size_t nans = 0;
    const std::vector<std::uint64_t> want = serial_codes(a, b, bias, accumulator, output, nans);
    const Tensor y = core::matmul(a, b, {.accumulator = accumulator, .output = output, .bias = bias});
    ASSERT_EQ(backend(y.device()).take_nan_count(), nans) << accumulator.name();
    const std::vector<std::uint64_t> got = y.codes();
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < got.size() && wrong < 3; ++i) {
        if (same(output.format, got[i], want[i])) continue;
        ++wrong;
        ADD_FAILURE() << accumulator.name() << " of " << a.format().name() << " and " << b.format().name() << ", a " << a.shape().str() << ", b "
                      << b.shape().str() << " into " << output.format.name() << ": output " << i << " is " << std::hex << got[i] << ", want " << want[i];
    }
}

// Accumulators that round into `format`; what float32 does not hold has no mode through float32.
std::vector<Accumulator> accumulators_of(const Format& format, const Format& other) {
    std::vector<Accumulator> all{Accumulator::rounded(format),
                                 Accumulator::rounded(format, other),
                                 Accumulator::compensated(format),
                                 Accumulator::chunked(8, Accumulator::float32(), format),
                                 Accumulator::chunked(5, Accumulator::float64(), format),
                                 Accumulator::chunked(33, Accumulator::rounded(other), format),
                                 Accumulator::chunked(2, Accumulator::compensated(other), format)};
    if (format.exact_in_float32()) all.push_back(Accumulator::rounded_f32(format));
    if (other.exact_in_float32()) all.push_back(Accumulator::chunked(32, Accumulator::rounded_f32(other), format));
    return all;
}

bool through_float32(const Accumulator& accumulator) {
    const Accumulator& sum = accumulator.kind() == Accumulator::Kind::chunked ? accumulator.inner() : accumulator;
    return sum.kind() == Accumulator::Kind::float32 || sum.kind() == Accumulator::Kind::rounded_f32;
}

// Walks the choices that a case is made of, so that every list is gone through without the product of all.
struct Choices {
    std::mt19937_64 random{11};
    template <class T>
    const T& of(const std::vector<T>& list) {
        return list[random() % list.size()];
    }
    Format operand_for(const Accumulator& accumulator) {
        while (true) {
            const Format& format = of(operand_formats());
            if (!through_float32(accumulator) || format.exact_in_float32()) return format;
        }
    }
};

// One case of the accumulator, of random operands and output.
void check_case(Choices& choose, const Accumulator& accumulator, const Format& format, const std::array<std::int64_t, 3>& sizes) {
    const auto [m, k, n] = sizes;
    const Data data = static_cast<Data>(choose.random() % 3);
    Tensor a = operand({m, k}, choose.operand_for(accumulator), data, choose.random);
    const Tensor b = operand({k, n}, choose.operand_for(accumulator), data, choose.random);
    if (choose.random() % 8 == 0) a = with_special(a, choose.random);
    const Tensor bias = choose.random() % 2 == 0 ? operand({n}, choose.operand_for(accumulator), data, choose.random) : Tensor();
    const Rounding rounding = choose.random() % 8 == 0 ? Rounding::stochastic : Rounding::nearest;
    check(a, b, bias, accumulator, Target(choose.random() % 3 == 0 ? choose.of(sum_formats()) : format, rounding));
}

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

TEST_F(RoundedSums, StochasticStepsGiveTheBitsOfTheirDefinition) {
    Choices choose;
    for (int round = 0; round < 3; ++round) {
        for (const Format& format : sum_formats()) {
            const Format& other = choose.of(sum_formats());
            for (const Accumulator& accumulator : {Accumulator::rounded(format, Rounding::stochastic), Accumulator::rounded(format, other, Rounding::stochastic)}) {
                for (const std::int64_t depth : {0, 1, 17, 40}) {
                    check_case(choose, accumulator, format, {choose.of(std::vector<std::int64_t>{1, 3, 9}), depth, choose.of(std::vector<std::int64_t>{1, 8, 70})});
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

// Accumulators that a GPU may form on pairs of halves: operands that these hold and that they do not, matrices as they lie and transposed, in
// eights and not, one by one and in batches.
TEST_F(RoundedSums, InHalves) {
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

std::uint64_t dot(const char* accumulator, const char* format, const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b,
                  std::uint64_t bias = 0) {
    const Format f = Format::parse(format);
    const std::int64_t k = static_cast<std::int64_t>(a.size());
    return core::matmul(Tensor::from_codes(a, {1, k}, f), Tensor::from_codes(b, {k, 1}, f),
                        {.accumulator = Accumulator::parse(accumulator), .bias = Tensor::from_codes(std::vector<std::uint64_t>{bias}, {1}, f)})
        .codes()[0];
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

TEST_F(RoundedSums, OverflowAndUnderflowOfHalves) {
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
TEST_F(RoundedSums, RoundTwiceOverFloat32InHalves) {
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
