// Exact sums of products on every rung, against integers of GMP.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <taper/core/serial_sum.h>

#include "core/exact_sums_support.h"

namespace taper::tests {
namespace {

const char* const formats[] = {"posit(6,1)",  "posit(8,0)", "posit(8,1)", "posit(8,2)", "posit(16,1)", "posit(16,2)",
                               "posit(32,2)", "e4m3",       "e5m2",       "bf16",       "fixed(8,4)",
                               "posit(8,1)*0.125", "posit(16,1)*16", "posit(8,0)*1.2194330274671845e+142", "posit(6,1)*1.1754943508222875e-38", "e4m3*8.507059173023462e+37"};

TEST_F(ExactSums, EveryFormatAndLength) {
    std::uint64_t seed = 1;
    const Sizes shapes[] = {{3, 0, 5}, {15, 0, 17}, {14, 0, 16}, {7, 0, 33}};
    for (const char* format : formats) {
        for (const std::int64_t k : {0, 1, 7, 8, 9, 31, 32, 33, 127, 128, 129, 1000}) {
            for (const Data data : every_data) {
                Sizes z = shapes[seed % 4];
                z.k = k;
                if (k == 1000) z = {5, 1000, 9};
                check(format, format, format, z, data, 10 * seed++);
            }
        }
    }
}

TEST_F(ExactSums, TileEdges) {
    std::uint64_t seed = 7000;
    for (const std::int64_t m : {1, 2, 13, 14, 15, 29}) {
        for (const std::int64_t n : {1, 7, 8, 9, 16, 17, 33}) check("posit(8,1)", "posit(16,1)", "posit(16,1)", {m, 20, n}, every_data[n % 3], ++seed);
    }
}

TEST_F(ExactSums, MixedFormats) {
    std::uint64_t seed = 9000;
    for (const char* left : formats) {
        for (const char* right : {"posit(8,2)", "e4m3", "bf16", "fixed(8,4)"}) {
            for (const Data data : every_data) check(left, right, "float32", {6, 40, 10}, data, ++seed);
        }
    }
    for (const char* out : {"posit(8,2,underflow)", "bf16", "fixed(16,8)", "e4m3,sat", "e5m2", "float64"})
        check("posit(16,1)", "posit(16,2)", out, {6, 40, 10}, Data::uniform, 10 * seed++);
}

TEST_F(ExactSums, TowardZero) {
    for (const Data data : every_data) {
        const Matrix a("posit(16,1)", codes_of(data, true, "posit(16,1)", 6 * 50, 41)), b("posit(16,1)", codes_of(data, false, "posit(16,1)", 50 * 9, 42));
        EXPECT_EQ(product(a, b, {6, 50, 9}, "posit(8,2)", {}, Accumulator::exact(), Rounding::zero), expected(a, b, 6, 50, 9, "posit(8,2)", {}, RefMode::zero));
    }
}

// A decision point of the output and next to nothing beside it: 2^-24, 2^-40 and 2^-56 of it, either way.
TEST_F(ExactSums, FarBesideATie) {
    const Format wide = Format::posit(16, 1);
    const auto code = [&](double x) { return encode_one(wide, x); };
    for (const char* out : {"posit(8,2)", "posit(6,1)", "e4m3", "bf16", "fixed(8,4)", "float32"}) {
        Codes left, right;
        for (const double far : {0x1p-12, 0x1p-20, 0x1p-28}) {
            for (const double sign : {1.0, -1.0, 0.0}) left.insert(left.end(), {code(1), code(sign * far), code(-1), code(sign * far)});
        }
        const std::int64_t n = 64;
        for (int j = 0; j < n; ++j) right.push_back(code(1 + j / 32.0));
        for (const double far : {0x1p-12, 0.0, 0x1p-28}) right.insert(right.end(), static_cast<std::size_t>(n), code(far));
        const Matrix a("posit(16,1)", left), b("posit(16,1)", right);
        EXPECT_EQ(product(a, b, {9, 4, n}, out), expected(a, b, 9, 4, n, out)) << out;
        Codes negative = left;
        for (std::size_t i = 0; i < negative.size(); i += 4) std::swap(negative[i], negative[i + 2]);
        for (std::size_t i = 0; i < 2 * static_cast<std::size_t>(n); i += 2) right[i + 2 * static_cast<std::size_t>(n)] = 0;
        const Matrix c("posit(16,1)", negative), d("posit(16,1)", right);
        EXPECT_EQ(product(c, d, {9, 4, n}, out), expected(c, d, 9, 4, n, out)) << out;
    }
}

TEST_F(ExactSums, BiasBeforeTheRounding) {
    for (const char* format : {"float32", "posit(32,2)", "float64"}) {
        for (const Data data : every_data) {
            std::vector<double> bias;
            for (int j = 0; j < 17; ++j) bias.push_back(std::ldexp(1 + j / 16.0, (j % 3 - 1) * (format == std::string("float64") ? 130 : 40)));
            bias[3] = -0.0;
            const Tensor tensor = Tensor::from(std::span<const double>(bias), {17}, Format::parse(format));
            const std::vector<double> bias_values = tensor.to_vector_double();
            const Matrix a("posit(8,2)", codes_of(data, true, "posit(8,2)", 15 * 30, 51)), b("posit(8,2)", codes_of(data, false, "posit(8,2)", 30 * 17, 52));
            EXPECT_EQ(product(a, b, {15, 30, 17}, "posit(16,2)", tensor), expected(a, b, 15, 30, 17, "posit(16,2)", bias_values)) << format;
            const Matrix none("posit(8,2)", {});
            EXPECT_EQ(product(none, none, {15, 0, 17}, "posit(16,2)", tensor), expected(none, none, 15, 0, 17, "posit(16,2)", bias_values));
        }
    }
}

TEST_F(ExactSums, ZeroIsPositive) {
    const Matrix a("bf16", {0x8000, 0x3f80, 0x3f80}), b("bf16", {0x0000, 0x3f80, 0xbf80});
    EXPECT_EQ(product(a, b, {1, 3, 1}, "float32"), Codes{0});
    EXPECT_EQ(product(Matrix("bf16", {0x8000}), Matrix("bf16", {0x3f80}), {1, 1, 1}, "float32", Tensor::from({-0.0f}, {1})), Codes{0});
}

// NaR, NaN and infinities, among sums that pass and sums that do not.
TEST_F(ExactSums, NotFiniteAnywhere) {
    struct Special {
        const char* format;
        Codes codes;
    };
    for (const auto& [format, specials] : {Special{"posit(16,1)", {0x8000}}, Special{"e5m2", {0x7e, 0x7c, 0xfc}}, Special{"bf16", {0x7fc0, 0x7f80, 0xff80}},
                                           Special{"e4m3", {0x7f}}, Special{"posit(8,0)", {0x80}}}) {
        for (const Data data : every_data) {
            Codes left = codes_of(data, true, format, 16 * 40, 61), right = codes_of(data, false, format, 40 * 20, 62);
            for (std::size_t s = 0; s < specials.size(); ++s) {
                left[s * 83 + 5] = specials[s];
                right[s * 97 + 3] = specials[s];
            }
            const Matrix x(format, left), y(format, right);
            for (const char* const out : {format, "float32"})
                EXPECT_EQ(one_nan(product(x, y, {16, 40, 20}, out), out), one_nan(expected(x, y, 16, 40, 20, out), out)) << format << ", " << out;
        }
    }
}

TEST_F(ExactSums, LostNaNsAreCounted) {
    for (const Data data : every_data) {
        Codes left = codes_of(data, true, "posit(16,1)", 16 * 40, 71);
        left[5] = 0x8000;
        const Tensor a = Matrix("posit(16,1)", left).tensor(16, 40),
                     b = Matrix("posit(16,1)", codes_of(data, false, "posit(16,1)", 40 * 21, 72)).tensor(40, 21);
        const Tensor y = matmul(a, b, {.accumulator = Accumulator::exact(), .output = Target(Format::fixed(8, 4))});
        EXPECT_NE(error_of([&] { y.codes(); }).find("21"), std::string::npos);
        EXPECT_EQ(y.codes()[20], 0u);
    }
}

TEST_F(ExactSums, ZerosAndSparseBlocks) {
    for (const char* format : {"posit(8,2)", "posit(16,2)", "bf16"}) {
        Codes left(16 * 900, 0), right(900 * 18, 0);
        const Matrix zeros(format, left), other(format, right);
        EXPECT_EQ(product(zeros, other, {16, 900, 18}, format), Codes(16 * 18, 0));
        const Codes some = codes_of(Data::uniform, true, format, 60, 81);
        for (std::size_t i = 0; i < some.size(); ++i) {
            left[i * 239] = some[i];
            right[(i * 15 + 7) * 18 + i % 18] = some[i];
        }
        const Matrix a(format, left), b(format, right);
        EXPECT_EQ(product(a, b, {16, 900, 18}, format), expected(a, b, 16, 900, 18, format));
    }
}

// Sums of the largest integers leave 32 bits many times over, in the middle of a block and at its end.
TEST_F(ExactSums, LargestIntegers) {
    const Matrix nans("e4m3", Codes(std::size_t{40 * 300}, 0x7f));  // what stays in memory between calls does not matter
    product(nans, nans, {40, 300, 40}, "e4m3");
    reset_exact_rungs();
    for (const char* format : {"posit(8,0)", "fixed(8,4)", "fixed(14,0)"}) {
        const std::uint64_t half = std::uint64_t{1} << (Format::parse(format).bits() - 1);
        const std::uint64_t least = format[0] == 'p' ? half + 1 : half;
        for (const std::int64_t k : {63, 64, 255, 1000}) {
            Codes left(static_cast<std::size_t>(3 * k), half - 1), right(static_cast<std::size_t>(k * 5), half - 1);
            std::fill_n(left.begin(), k, least);
            for (std::size_t i = 0; i < right.size(); i += 5) right[i] = least;
            const Matrix a(format, left), b(format, right);
            EXPECT_EQ(product(a, b, {3, k, 5}, "float32"), expected(a, b, 3, k, 5, "float32")) << format << " " << k;
        }
    }
    if (default_device() != Device::cpu()) return;  // rungs are the CPU's
    const ExactRungs taken = exact_rungs();
    EXPECT_GT(taken.integers, 0u);
    EXPECT_EQ(taken.float32 + taken.float64 + taken.slices + taken.scalar, 0u);
}

// The largest sums of a power of two of terms, of either sign, and those a little smaller.
TEST_F(ExactSums, LargestSums) {
    for (const char* format : {"posit(8,1)", "posit(16,1)", "posit(16,2)", "e4m3", "fixed(8,4)", "fixed(16,8)"}) {
        const std::uint64_t half = std::uint64_t{1} << (Format::parse(format).bits() - 1);
        const std::uint64_t largest = std::string(format) == "e4m3" ? 0x7e : half - 1, lowest = format[0] == 'p' ? half + 1 : format[0] == 'f' ? half : 0xfe;
        const std::int64_t k = 1024;
        Codes left(static_cast<std::size_t>(3 * k), largest), right(static_cast<std::size_t>(k * 3), lowest);
        std::fill_n(left.begin(), k, lowest);
        left.back() = 1;
        for (std::size_t i = 0; i < right.size(); i += 3) right[i] = largest;
        const Matrix a(format, left), b(format, right);
        EXPECT_EQ(product(a, b, {3, k, 3}, "float64"), expected(a, b, 3, k, 3, "float64")) << format;
    }
}

// Any permutation of the terms, any number of threads: the same bits; threads also leave the rungs as they are.
TEST_F(ExactSums, OrderAndThreadsDoNotMatter) {
    struct Case {
        const char* format;
        Sizes z;
    };
    for (const Case& c :
         {Case{"posit(16,1)", {30, 700, 50}}, Case{"posit(8,2)", {6, 5000, 25}}, Case{"bf16", {6, 4000, 10}}, Case{"posit(8,0)", {90, 100, 40}}}) {
        for (const Data data : every_data) {
            const Sizes z = c.z;
            const Codes left = codes_of(data, true, c.format, z.m * z.k, 101), right = codes_of(data, false, c.format, z.k * z.n, 102);
            const Matrix a(c.format, left), b(c.format, right);
            ExactRungs one;
            Codes y;
            for (const int threads : {1, 2, 3}) {
                omp_set_num_threads(threads);
                reset_exact_rungs();
                const Codes now = product(a, b, z, c.format);
                const ExactRungs taken = exact_rungs();
                if (threads == 1) {
                    one = taken;
                    y = now;
                }
                EXPECT_EQ(now, y) << c.format << ", threads " << threads;
                EXPECT_TRUE(taken.integers == one.integers && taken.float32 == one.float32 && taken.float64 == one.float64 && taken.slices == one.slices
                            && taken.scalar == one.scalar);
            }
            std::vector<std::size_t> order(static_cast<std::size_t>(z.k));
            std::iota(order.begin(), order.end(), std::size_t{0});
            std::shuffle(order.begin(), order.end(), std::mt19937_64(103));
            Codes l = left, r = right;
            const std::size_t k = order.size(), n = static_cast<std::size_t>(z.n);
            for (std::size_t t = 0; t < k; ++t) {
                for (std::size_t i = 0; i < static_cast<std::size_t>(z.m); ++i) l[i * k + t] = left[i * k + order[t]];
                for (std::size_t j = 0; j < n; ++j) r[t * n + j] = right[order[t] * n + j];
            }
            EXPECT_EQ(product(Matrix(c.format, l), Matrix(c.format, r), z, c.format), y) << c.format << ", other order";
            if (z.k * z.m * z.n < 2'000'000) {
                EXPECT_EQ(y, expected(a, b, z.m, z.k, z.n, c.format)) << c.format;
            }
        }
    }
    omp_set_num_threads(2);
}

// Draws of exact(stochastic) and of a stochastic output are those of SerialSum, on every rung.
TEST_F(ExactSums, Stochastic) {
    for (const Accumulator& accumulator : {Accumulator::exact(), Accumulator::exact(Rounding::stochastic)}) {
        for (const char* out : {"posit(8,2)", "posit(16,4)", "float32", "bf16"}) {
            for (const Data data : every_data) {
                const Sizes z{15, 60, 18};
                const Matrix a("posit(16,1)", codes_of(data, true, "posit(16,1)", z.m * z.k, 111)),
                    b("posit(16,1)", codes_of(data, false, "posit(16,1)", z.k * z.n, 112));
                const RoundingMode mode{Rounding::stochastic, {.seed = 5, .stream = 0}};
                seed(5);
                const Codes y = product(a, b, z, out, {}, accumulator, Rounding::stochastic);
                SerialSum sum(accumulator, Format::posit(16, 1), Format::posit(16, 1), mode.draws);
                for (std::int64_t i = 0; i < z.m; ++i) {
                    for (std::int64_t j = 0; j < z.n; ++j) {
                        sum.start(static_cast<std::uint64_t>(i * z.n + j));
                        for (std::int64_t k = 0; k < z.k; ++k)
                            sum.add(decode_one(Format::posit(16, 1), a.codes[static_cast<std::size_t>(i * z.k + k)]),
                                    decode_one(Format::posit(16, 1), b.codes[static_cast<std::size_t>(k * z.n + j)]));
                        ASSERT_EQ(y[static_cast<std::size_t>(i * z.n + j)], sum.finish(Format::parse(out), mode)) << out << " " << i << " " << j;
                    }
                }
            }
        }
    }
}

TEST_F(ExactSums, BatchesAndTransposes) {
    const Codes left = codes_of(Data::log_normal, true, "posit(16,1)", 3 * 15 * 40, 121),
                right = codes_of(Data::log_normal, false, "posit(16,1)", 3 * 40 * 18, 122);
    const Tensor a = Tensor::from_codes(left, {3, 15, 40}, Format::posit(16, 1)), b = Tensor::from_codes(right, {3, 40, 18}, Format::posit(16, 1));
    const core::MatmulOptions exact{.accumulator = Accumulator::exact()};
    Codes each;
    for (std::size_t i = 0; i < 3; ++i) {
        const auto cut = [&](const Codes& all, std::size_t n) {
            return Codes(all.begin() + static_cast<std::ptrdiff_t>(i * n), all.begin() + static_cast<std::ptrdiff_t>((i + 1) * n));
        };
        const Codes one = expected(Matrix("posit(16,1)", cut(left, 600)), Matrix("posit(16,1)", cut(right, 720)), 15, 40, 18, "posit(16,1)");
        each.insert(each.end(), one.begin(), one.end());
    }
    EXPECT_EQ(matmul(a, b, exact).codes(), each);
    const Tensor at = core::transpose(a, 1, 2), bt = core::transpose(b, 1, 2);
    EXPECT_EQ(matmul(at, bt, {.transpose_a = true, .transpose_b = true, .accumulator = Accumulator::exact()}).codes(), each);
}

// Sums in float64 share the tiles: exact where float64 is, the same for any number of threads, also where the terms are summed in sections.
TEST_F(ExactSums, Float64) {
    for (const Sizes& z : {Sizes{15, 300, 33}, Sizes{6, 5000, 9}, Sizes{3, 0, 4}}) {
        const Integers a({z.m, z.k}, 131), b({z.k, z.n}, 132);
        const auto sums = [&] { return matmul(a.tensor, b.tensor, {.accumulator = Accumulator::float64()}); };
        EXPECT_EQ(sums().codes(), matmul(a.tensor, b.tensor, {.accumulator = Accumulator::exact()}).codes());
        const Tensor x = normal({z.m, z.k}, 133, Format::float64()), y = normal({z.k, z.n}, 134, Format::float64());
        expect_same_for_all_thread_counts([&] { return matmul(x, y, {.accumulator = Accumulator::float64()}); }, "float64");
    }
    const Tensor infinite = Tensor::from(std::vector<double>{1e300, 1}, {1, 2}, Format::float64());
    const Tensor y = matmul(infinite, infinite, {.transpose_b = true, .accumulator = Accumulator::float64()});
    EXPECT_TRUE(std::isinf(y.to_vector_double()[0]));
}

}  // namespace
}  // namespace taper::tests
