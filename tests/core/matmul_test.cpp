#include <limits>

#include <Eigen/Dense>

#include <taper/core/steps.h>

#include "core/product_support.h"
#include "support/exact_reference.h"
#include "support/golden.h"

namespace taper::tests {

using core::matmul;
using core::MatmulOptions;

class Matmul : public CoreOps {};

const Format p8 = Format::posit(8, 2), p16 = Format::posit(16, 1), f32 = Format::float32();

Shape matrix(std::int64_t rows, std::int64_t columns, bool transposed) { return transposed ? Shape{columns, rows} : Shape{rows, columns}; }

// Sums of integer products in float64, which holds them.
std::vector<double> integer_sums(const std::vector<int>& a, const std::vector<int>& b, std::int64_t m, std::int64_t n, std::int64_t k, bool ta, bool tb) {
    std::vector<double> sums;
    for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
            std::int64_t sum = 0;
            for (std::int64_t l = 0; l < k; ++l)
                sum += a[static_cast<std::size_t>(ta ? l * m + i : i * k + l)] * b[static_cast<std::size_t>(tb ? j * k + l : l * n + j)];
            sums.push_back(static_cast<double>(sum));
        }
    }
    return sums;
}

void check_integers(std::int64_t m, std::int64_t n, std::int64_t k, bool ta, bool tb, const Format& fa, const Format& fb, const Format& out,
                    const Accumulator& accumulator = {}) {
    const Integers a(matrix(m, k, ta), 1, fa), b(matrix(k, n, tb), 2, fb);
    const Tensor y = matmul(a.tensor, b.tensor, {.transpose_a = ta, .transpose_b = tb, .accumulator = accumulator, .output = Target(out)});
    ASSERT_EQ(y.shape(), (Shape{m, n}));
    ASSERT_EQ(y.codes(), rounded(integer_sums(a.values, b.values, m, n, k, ta, tb), out))
        << m << " x " << n << " x " << k << (ta ? " ta" : "") << (tb ? " tb" : "") << " " << fa.name() << " " << fb.name() << " -> " << out.name();
}

TEST_F(Matmul, IntegersAtEveryDepth) {
    for (const std::int64_t k : {0, 1, 7, 8, 9, 31, 32, 33, 127, 128, 129, 255, 256, 257, 383, 384, 385, 768, 1000}) {
        for (const int transposes : {0, 1, 2, 3}) {
            check_integers(15, 33, k, transposes & 1, transposes & 2, f32, f32, f32);
            check_integers(29, 17, k, transposes & 1, transposes & 2, p8, p8, f32);
        }
    }
}

TEST_F(Matmul, IntegersAtTileEdges) {
    for (const std::int64_t m : {1, 2, 5, 6, 7, 12, 13, 14, 15, 28, 29, 43}) {
        for (const std::int64_t n : {1, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 49, 64, 65}) {
            for (const int transposes : {0, 1, 2, 3}) check_integers(m, n, 19, transposes & 1, transposes & 2, p8, f32, f32);
        }
    }
}

TEST_F(Matmul, IntegersBeyondEveryBlock) {
    for (const int transposes : {0, 1, 2, 3}) check_integers(371, 1055, 401, transposes & 1, transposes & 2, p8, p8, f32);
    check_integers(1, 1300, 900, false, false, p8, f32, f32);
    check_integers(1300, 1, 900, true, true, f32, p8, f32);
}

TEST_F(Matmul, EveryMixOfFormats) {
    const auto formats = parse_all({"float32", "posit(8,2)", "posit(16,1)", "e4m3", "bf16", "fixed(8,4)"});
    for (const Format& a : formats) {
        for (const Format& b : formats) {
            for (const char* out : {"posit(8,2)", "e4m3", "posit(16,1)", "fixed(8,4)", "float64", "posit(32,2)"}) {
                check_integers(9, 21, 13, false, false, a, b, Format::parse(out));
                check_integers(5, 7, 13, true, true, a, b, Format::parse(out), Accumulator::exact());
            }
        }
    }
}

TEST_F(Matmul, BatchesBroadcast) {
    const std::int64_t m = 5, n = 9, k = 6;
    const Integers a({2, 1, 3, m, k}, 3, p8), b({4, 1, k, n}, 4, p8), one({k, n}, 5, p8), at({3, k, m}, 6, p8);
    const auto block = [](const std::vector<int>& v, std::int64_t i, std::int64_t size) {
        return std::vector<int>(v.begin() + i * size, v.begin() + (i + 1) * size);
    };
    for (const Accumulator& accumulator : {Accumulator::float32(), Accumulator::exact()}) {
        std::vector<double> want, want_one, want_transposed;
        for (std::int64_t i = 0; i < 2; ++i) {
            for (std::int64_t j = 0; j < 4; ++j) {
                for (std::int64_t l = 0; l < 3; ++l) {
                    for (const double s : integer_sums(block(a.values, i * 3 + l, m * k), block(b.values, j, n * k), m, n, k, false, false)) want.push_back(s);
                }
            }
        }
        for (std::int64_t i = 0; i < 6; ++i) {
            for (const double s : integer_sums(block(a.values, i, m * k), one.values, m, n, k, false, false)) want_one.push_back(s);
        }
        for (std::int64_t i = 0; i < 3; ++i) {
            for (const double s : integer_sums(block(at.values, i, m * k), one.values, m, n, k, true, false)) want_transposed.push_back(s);
        }
        const MatmulOptions options{.accumulator = accumulator, .output = Target(f32)};
        const Tensor y = matmul(a.tensor, b.tensor, options);
        EXPECT_EQ(y.shape(), (Shape{2, 4, 3, m, n}));
        EXPECT_EQ(y.to_vector_double(), want);
        EXPECT_EQ(matmul(a.tensor, b.tensor, {.accumulator = accumulator}).codes(), rounded(want, p8));
        const Tensor z = matmul(a.tensor, one.tensor, options);
        EXPECT_EQ(z.shape(), (Shape{2, 1, 3, m, n}));
        EXPECT_EQ(z.to_vector_double(), want_one);
        EXPECT_EQ(matmul(at.tensor, one.tensor, {.transpose_a = true, .accumulator = accumulator, .output = Target(f32)}).to_vector_double(), want_transposed);
    }
    EXPECT_EQ(matmul(Tensor::zeros({0, 3, 4}), Tensor::zeros({4, 2})).shape(), (Shape{0, 3, 2}));
    EXPECT_EQ(matmul(Tensor::zeros({3, 0}), Tensor::zeros({0, 2})).to_vector(), std::vector<float>(6, 0.0f));
}

TEST_F(Matmul, ManySmallMatrices) {
    const std::int64_t m = 7, n = 12, k = 9, heads = 10;
    for (const Format& format : {f32, p8, p16}) {
        for (const int transposes : {0, 1, 2, 3}) {
            const bool ta = transposes & 1, tb = transposes & 2;
            const Integers a({heads, ta ? k : m, ta ? m : k}, 3, format), b({heads, tb ? n : k, tb ? k : n}, 4, format), bias({n}, 5, p8);
            for (const Format& out : {f32, p8}) {
                std::vector<double> want;
                for (std::int64_t h = 0; h < heads; ++h) {
                    const std::vector<int> ah(a.values.begin() + h * m * k, a.values.begin() + (h + 1) * m * k);
                    const std::vector<int> bh(b.values.begin() + h * n * k, b.values.begin() + (h + 1) * n * k);
                    const std::vector<double> sums = integer_sums(ah, bh, m, n, k, ta, tb);
                    for (std::size_t i = 0; i < sums.size(); ++i) want.push_back(sums[i] + bias.values[i % static_cast<std::size_t>(n)]);
                }
                const Tensor y = matmul(a.tensor, b.tensor, {.transpose_a = ta, .transpose_b = tb, .output = Target(out), .bias = bias.tensor});
                ASSERT_EQ(y.codes(), rounded(want, out)) << format.name() << " -> " << out.name() << " transposes " << transposes;
            }
        }
    }
}

// What a backend keeps of its operands does not outlive a change of them.
TEST_F(Matmul, AWeightThatChangesInPlace) {
    for (const Format& format : {f32, p8, p16}) {
        const Integers x({20, 24}, 1, format), first({16, 24}, 2, format), second({16, 24}, 3, format), gradient({16, 24}, 4);
        Tensor w = first.tensor.clone(), velocity;
        const auto product = [&](const std::vector<int>& weights) { return integer_sums(x.values, weights, 20, 16, 24, false, true); };
        const auto y = [&] { return matmul(x.tensor, w, {.transpose_b = true, .output = Target(f32)}).to_vector_double(); };
        EXPECT_EQ(y(), product(first.values));
        w.assign(second.tensor);
        EXPECT_EQ(y(), product(second.values)) << format.name();
        core::sgd_step({w}, velocity, gradient.tensor, {.lr = 1});
        std::vector<int> stepped = second.values;
        for (std::size_t i = 0; i < stepped.size(); ++i) stepped[i] -= gradient.values[i];
        EXPECT_EQ(y(), product(stepped)) << format.name();
    }
}

// |error| <= K eps sum |a b| with eps = 2^-24 per operation (two where the level has no fma), against Eigen in float64.
TEST_F(Matmul, RealNumbersWithinTheBound) {
    for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{70, 130, 1000}, {257, 65, 300}, {3, 5, 5000}}) {
        const Tensor a = normal({m, k}, 8), b = normal({k, n}, 9);
        using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
        const auto va = a.to_vector_double(), vb = b.to_vector_double();
        const Eigen::Map<const Matrix> ea(va.data(), m, k), eb(vb.data(), k, n);
        const Matrix sums = ea * eb, bounds = ea.cwiseAbs() * eb.cwiseAbs();
        const auto y = matmul(a, b).to_vector_double();
        for (std::int64_t i = 0; i < m * n; ++i) {
            ASSERT_LE(std::abs(y[static_cast<std::size_t>(i)] - sums.data()[i]), 2 * static_cast<double>(k) * 0x1p-24 * bounds.data()[i]) << i;
        }
    }
}

TEST_F(Matmul, SameBitsForAllThreadCounts) {
    for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{200, 300, 500}, {64, 120, 400}, {7, 2000, 129}, {2000, 10, 84}}) {
        const Tensor a = normal({m, k}, 10), b = normal({k, n}, 11), bias = normal({n}, 12);
        expect_same_for_all_thread_counts([&] { return matmul(a, b, {.bias = bias}); }, "float32");
        expect_same_for_all_thread_counts([&, pa = a.to(p8), pb = b.to(p8)] { return matmul(pa, pb, {.output = Target(p16)}); }, "posits");
    }
    const Tensor a = normal({5, 40, 90}, 13), b = normal({5, 90, 70}, 14);
    expect_same_for_all_thread_counts([&] { return matmul(a, b); }, "batch");
    expect_same_for_all_thread_counts([&] { return matmul(a, b, {.accumulator = Accumulator::exact()}); }, "exact");
}

TEST_F(Matmul, BiasEntersBeforeTheRounding) {
    const Tensor a = Tensor::from({1, 1}, {1, 2}, p8), b = Tensor::from({2, 0.125f}, {2, 1}, p8);  // 2.125, a tie of posit(8,2) that goes down
    const Tensor bias = Tensor::from({0x1p-20f}, {1}, Format::posit(16, 2));
    for (const Accumulator& accumulator : {Accumulator::float32(), Accumulator::exact()}) {
        EXPECT_EQ(matmul(a, b, {.accumulator = accumulator}).codes()[0], 0x48u);
        EXPECT_EQ(matmul(a, b, {.accumulator = accumulator, .bias = bias}).codes()[0], 0x49u);
        const Tensor empty = matmul(Tensor::zeros({3, 0}, p8), Tensor::zeros({0, 1}, p8), {.accumulator = accumulator, .output = Target(f32), .bias = bias});
        EXPECT_EQ(empty.to_vector(), std::vector<float>(3, 0x1p-20f));
    }
    const Integers x({37, 45}, 1, p8), w({45, 50}, 2, p8), c({50}, 3, p16);
    auto want = integer_sums(x.values, w.values, 37, 50, 45, false, false);
    for (std::size_t i = 0; i < want.size(); ++i) want[i] += c.values[i % 50];
    EXPECT_EQ(matmul(x.tensor, w.tensor, {.output = Target(f32), .bias = c.tensor}).to_vector_double(), want);
}

TEST_F(Matmul, NaNAnywhere) {
    const std::int64_t m = 9, n = 40, k = 70;
    const Tensor zeros = Tensor::zeros({k, n}, p8);
    for (const std::int64_t place : {0L, 5L * k + 3, 8L * k + 69}) {
        for (const Accumulator& accumulator : {Accumulator::float32(), Accumulator::exact()}) {
            auto codes = std::vector<std::uint64_t>(static_cast<std::size_t>(m * k), 0x40);
            codes[static_cast<std::size_t>(place)] = 0x80;
            const Tensor a = Tensor::from_codes(codes, {m, k}, p8);
            const auto y = matmul(a, zeros, {.accumulator = accumulator}).codes();
            const auto yt = matmul(zeros, a, {.transpose_a = true, .transpose_b = true, .accumulator = accumulator}).codes();
            for (std::int64_t i = 0; i < m * n; ++i) {
                EXPECT_EQ(y[static_cast<std::size_t>(i)], i / n == place / k ? 0x80u : 0u);
                EXPECT_EQ(yt[static_cast<std::size_t>(i)], i % m == place / k ? 0x80u : 0u);
            }
        }
    }
}

// inf 1 + 1 + ... = inf, inf 0 = NaN, inf - inf = NaN.
TEST_F(Matmul, InfinitiesFollowIeee754) {
    const std::int64_t m = 9, n = 40, k = 70;
    constexpr float inf = std::numeric_limits<float>::infinity();
    for (const char* name : {"fp16", "bf16", "e5m2", "float(6,9)", "float32"}) {
        for (const Accumulator& accumulator : {Accumulator::float32(), Accumulator::exact()}) {
            std::vector<float> a(static_cast<std::size_t>(m * k), 1), b(static_cast<std::size_t>(k * n), 1);
            a[5 * k + 3] = inf;
            a[7 * k + 3] = inf;
            a[7 * k + 60] = -inf;
            b[3 * n + 11] = 0;
            const Format f = Format::parse(name);
            const auto y = matmul(Tensor::from(std::span<const float>(a), {m, k}, f), Tensor::from(std::span<const float>(b), {k, n}, f),
                                  {.accumulator = accumulator, .output = Target(Format::float32())})
                               .to_vector();
            for (std::int64_t i = 0; i < m * n; ++i) {
                const float v = y[static_cast<std::size_t>(i)];
                if (i / n == 7 || i == 5 * n + 11)
                    EXPECT_TRUE(std::isnan(v)) << name << " " << accumulator.name() << " " << i;
                else
                    EXPECT_EQ(v, i / n == 5 ? inf : static_cast<float>(i % n == 11 ? k - 1 : k)) << name << " " << accumulator.name() << " " << i;
            }
        }
    }
}

TEST_F(Matmul, NaNWithoutACodeIsCounted) {
    const Tensor a = Tensor::from_codes(std::vector<std::uint64_t>{0x80, 0x40}, {2, 1}, p8), b = Tensor::from({1, 2}, {1, 2}, p8);
    for (const Accumulator& accumulator : {Accumulator::float32(), Accumulator::exact()}) {
        const Tensor y = matmul(a, b, {.accumulator = accumulator, .output = Target(Format::fixed(8, 4))});
        EXPECT_NE(error_of([&] { y.codes(); }).find("2"), std::string::npos);
        EXPECT_EQ(y.to_vector(), (std::vector<float>{0, 0, 1, 2}));
    }
}

TEST_F(Matmul, ExactGoldenDots) {
    int rows = 0;
    for (const auto& r : golden("posit_dot")) {
        const Format f = Format::posit(std::stoi(r[0]), std::stoi(r[1]));
        const std::int64_t length = std::stoll(r[2]);
        const auto codes = [](const std::string& list) {
            std::vector<std::uint64_t> values;
            for (std::size_t i = 0; i < list.size(); i = list.find(',', i) == std::string::npos ? list.size() : list.find(',', i) + 1)
                values.push_back(std::strtoull(list.c_str() + i, nullptr, 16));
            return values;
        };
        auto a = codes(r[3]), b = codes(r[4]);
        ASSERT_EQ(static_cast<std::int64_t>(a.size()), length);
        for (int turn = 0; turn < 2; ++turn) {  // the second time backwards: the same bits
            const Tensor y = matmul(Tensor::from_codes(a, {1, length}, f), Tensor::from_codes(b, {length, 1}, f), {.accumulator = Accumulator::exact()});
            ASSERT_EQ(y.codes()[0], std::strtoull(r[5].c_str(), nullptr, 16)) << r[0] << "," << r[1] << " " << r[3] << " . " << r[4];
            std::reverse(a.begin(), a.end());
            std::reverse(b.begin(), b.end());
        }
        ++rows;
    }
    EXPECT_GE(rows, 800);
}

std::uint64_t dot(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b, const Accumulator& accumulator) {
    const std::int64_t k = static_cast<std::int64_t>(a.size());
    return matmul(Tensor::from_codes(a, {1, k}, p8), Tensor::from_codes(b, {1, k}, p8), {.transpose_b = true, .accumulator = accumulator}).codes()[0];
}

// Dot products of posit(8,2) codes on which a quire, float32 and rounding at each step differ.
TEST_F(Matmul, ExactAgainstFloat32) {
    const Accumulator exact = Accumulator::exact(), float32 = Accumulator::float32();
    EXPECT_EQ(dot(std::vector<std::uint64_t>(32, 0x40), std::vector<std::uint64_t>(32, 0x40), exact), 0x64u);
    EXPECT_EQ(dot({0x7F, 0x40, 0x7F}, {0x7F, 0x40, 0x81}, exact), 0x40u);
    EXPECT_EQ(dot({0x7F, 0x40, 0x7F}, {0x7F, 0x40, 0x81}, float32), 0x00u);
    EXPECT_EQ(dot({0xAD, 0x3E, 0xB3, 0xCF, 0x53, 0xCA, 0x42, 0x45}, {0xB0, 0xB5, 0xC4, 0x55, 0xB1, 0xB0, 0x32, 0x49}, exact), 0x53u);
    EXPECT_EQ(dot({0xAE, 0x6C, 0xD6, 0xAC}, {0xBE, 0x1F, 0xFF, 0x44}, exact), 0x51u);
    EXPECT_EQ(dot({0xAE, 0x6C, 0xD6, 0xAC}, {0xBE, 0x1F, 0xFF, 0x44}, float32), 0x50u);
    EXPECT_EQ(dot(std::vector<std::uint64_t>(4, 1), std::vector<std::uint64_t>(4, 1), exact), 0x01u);
}

// Random codes of two formats with a bias of a third, against rationals.
TEST_F(Matmul, ExactAgainstRationals) {
    struct Case {
        const char *a, *b, *bias, *out;
    };
    for (const Case& c : {Case{"posit(8,2)", "e4m3", "posit(16,2)", "posit(16,1)"},
                          {"fixed(8,4)", "fixed(8,7)", "posit(16,2)", "fp16"},
                          {"bf16", "posit(16,1)", "e4m3", "posit(8,0)"},
                          {"posit(32,2)", "posit(8,2)", "posit(32,2)", "posit(32,2)"}}) {
        const Format fa = Format::parse(c.a), fb = Format::parse(c.b), fc = Format::parse(c.bias), out = Format::parse(c.out);
        const Reference ra(c.a), rb(c.b), rc(c.bias), ro(c.out);
        const std::int64_t m = 4, n = 5, k = 12;
        const auto a = random_codes(fa, m * k, 21), b = random_codes(fb, k * n, 22), bias = random_codes(fc, n, 23);
        const auto y = matmul(Tensor::from_codes(a, {m, k}, fa), Tensor::from_codes(b, {k, n}, fb),
                              {.accumulator = Accumulator::exact(), .output = Target(out), .bias = Tensor::from_codes(bias, {n}, fc)})
                           .codes();
        for (std::size_t i = 0; i < 20; ++i) {
            Exact sum = rc.decode(bias[i % 5]);
            for (std::size_t l = 0; l < 12; ++l) sum = exact_add(sum, exact_mul(ra.decode(a[i / 5 * 12 + l]), rb.decode(b[l * 5 + i % 5])));
            EXPECT_TRUE(same(out, y[i], ro.round(sum, RefMode::nearest))) << c.a << " " << c.b << " " << i;
        }
    }
}

TEST_F(Matmul, StochasticRoundingDrawsByElement) {
    const Integers a({6, 50}, 31, p8, 8), b({50, 40}, 32, p8, 8);
    const auto sums = integer_sums(a.values, b.values, 6, 40, 50, false, false);
    for (const Accumulator& accumulator : {Accumulator::float32(), Accumulator::exact()}) {
        const NextDraws draws;
        const auto y = matmul(a.tensor, b.tensor, {.accumulator = accumulator, .output = Target(p8, Rounding::stochastic)}).codes();
        for (std::size_t i = 0; i < sums.size(); ++i) EXPECT_EQ(y[i], encode_one(p8, sums[i], Rounding::stochastic, draws[i])) << i;
    }
}

TEST_F(Matmul, Float64OperandsSumInFloat64) {
    const Format f64 = Format::float64();
    const Tensor a = Tensor::from(std::span<const double>(std::vector<double>{1, 0x1p-40, 3}), {1, 3}, f64), b = Tensor::full({3, 1}, 1, f64);
    EXPECT_EQ(matmul(a, b).to_vector_double()[0], 4 + 0x1p-40);
    EXPECT_EQ(matmul(a, b.to(f32), {.bias = Tensor::full({1}, 0x1p-44, f64)}).to_vector_double()[0], 4 + 0x1p-40 + 0x1p-44);
}

TEST_F(Matmul, Errors) {
    const Tensor a = Tensor::zeros({64, 784}), b = Tensor::zeros({10, 32});
    EXPECT_EQ(error_of([&] { matmul(a, b); }), "matmul: inner sizes differ: a is [64, 784], b is [10, 32] (want a[-1] == b[-2])");
    EXPECT_EQ(error_of([&] { matmul(a, b, {.transpose_a = true, .transpose_b = true}); }),
              "matmul: inner sizes differ: a is [64, 784], b is [10, 32] (want a[-2] == b[-1])");
    EXPECT_EQ(error_of([&] { matmul(Tensor::zeros({3}), b); }), "matmul: too few axes: a is [3], b is [10, 32] (want 2 or more)");
    EXPECT_EQ(error_of([&] { matmul(Tensor::zeros({5, 10}), b, {.bias = Tensor::zeros({10})}); }), "matmul: bias does not fit: bias is [10] (want [N] = [32])");
    EXPECT_EQ(error_of([&] {
                  matmul(Tensor::zeros({5, 10}, Format::posit(32, 2)), b);
              }),
              "matmul: float32 cannot hold posit(32,2): a with accumulator float32 (want accumulator float64 or exact)");
    EXPECT_EQ(error_of([&] { matmul(Tensor::zeros({5, 10}, Format::int32()), b); }), "matmul: a holds indices: int32 (want a format with arithmetic)");
    EXPECT_EQ(error_of([&] { matmul(Tensor::zeros({2, 5, 10}), Tensor::zeros({3, 10, 4})); }).substr(0, 7), "matmul:");
}

}  // namespace taper::tests
