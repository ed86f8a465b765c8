// Sums of products of bfloat16 pairs: which formats take them, and that they lose nothing that float32 keeps.  Where the machine lacks
// vdpbf16ps, or at a lower level, the same results must come from the ordinary kernels.
#include <taper/core/cpu/bfloat_kernels.h>

#include "core/product_support.h"

namespace taper::tests {

using core::matmul;

class Bfloat : public CoreOps {};

const Format p8 = Format::posit(8, 2), f32 = Format::float32();

TEST_F(Bfloat, TakesFormatsWithoutDenormalProducts) {
    if (bfloat_kernels(p8, p8) == nullptr) GTEST_SKIP() << "no bfloat16 products at this level";
    for (const char* name :
         {"posit(8,0)", "posit(8,1)", "posit(8,3)", "posit(6,1)", "e4m3", "e5m2", "e2m1", "e4m3fnuz", "fixed(8,4)", "fixed(4,2)", "posit(8,4)"})
        EXPECT_NE(bfloat_kernels(Format::parse(name), p8), nullptr) << name;
    EXPECT_NE(bfloat_kernels(Format::fixed(8, 63), Format::fixed(8, 63)), nullptr);
    for (const char* name : {"e8m0", "posit(8,4)", "posit(6,4)", "fixed(8,64)", "posit(9,1)", "posit(16,1)", "bf16", "float32", "uint8"}) {
        const Format format = name == std::string("uint8") ? Format::uint8() : Format::parse(name);
        EXPECT_EQ(bfloat_kernels(format, format), nullptr) << name;
    }
    EXPECT_EQ(bfloat_kernels(p8, f32), nullptr);
    EXPECT_EQ(bfloat_kernels(f32, p8), nullptr);
}

TEST_F(Bfloat, LowerLevelsHaveNone) {
    if (cpu_level() != CpuLevel::avx512) {
        EXPECT_EQ(bfloat_kernels(p8, p8), nullptr);
    }
}

void expect_same_float(double got, double want, const std::string& where) {
    EXPECT_TRUE(std::isnan(want) ? std::isnan(got) : got == want) << where << ": " << got << " instead of " << want;
}

// Every product of two codes, as a sum of one term: denormals (fixed(8,64)), infinities (e5m2) and NaN included.
TEST_F(Bfloat, EveryProductOfTwoCodes) {
    const auto formats =
        parse_all({"posit(8,2)", "posit(8,0)", "posit(8,3)", "posit(6,1)", "posit(6,4)", "e4m3", "e5m2", "e8m0", "fixed(8,4)", "fixed(8,63)", "fixed(8,64)"});
    for (const Format& fa : formats) {
        for (const Format& fb : formats) {
            const auto a = all_codes(fa), b = all_codes(fb);
            const std::int64_t m = static_cast<std::int64_t>(a.size()), n = static_cast<std::int64_t>(b.size());
            const auto y = matmul(Tensor::from_codes(a, {m, 1}, fa), Tensor::from_codes(b, {1, n}, fb), {.output = Target(f32)}).to_vector_double();
            for (std::size_t i = 0; i < y.size(); ++i) {
                const double x = decode_one(fa, a[i / b.size()]), w = decode_one(fb, b[i % b.size()]);
                expect_same_float(y[i], static_cast<float>(x * w), fa.name() + " " + fb.name() + " product " + std::to_string(i));
            }
        }
    }
}

struct Product {
    std::int64_t m, n, k;
    bool ta, tb;

    Shape a() const { return ta ? Shape{k, m} : Shape{m, k}; }
    Shape b() const { return tb ? Shape{n, k} : Shape{k, n}; }
    std::size_t a_index(std::int64_t i, std::int64_t l) const { return static_cast<std::size_t>(ta ? l * m + i : i * k + l); }
    std::size_t b_index(std::int64_t l, std::int64_t j) const { return static_cast<std::size_t>(tb ? j * k + l : l * n + j); }
    std::string str() const { return std::to_string(m) + " x " + std::to_string(n) + " x " + std::to_string(k) + (ta ? " ta" : "") + (tb ? " tb" : ""); }
};

void check_integers(const Product& z, const Format& fa, const Format& fb) {
    const Integers a(z.a(), 41, fa), b(z.b(), 42, fb);
    const auto y = matmul(a.tensor, b.tensor, {.transpose_a = z.ta, .transpose_b = z.tb, .output = Target(f32)}).to_vector();
    for (std::int64_t i = 0; i < z.m; ++i) {
        for (std::int64_t j = 0; j < z.n; ++j) {
            int sum = 0;
            for (std::int64_t l = 0; l < z.k; ++l) sum += a.values[z.a_index(i, l)] * b.values[z.b_index(l, j)];
            ASSERT_EQ(y[static_cast<std::size_t>(i * z.n + j)], static_cast<float>(sum)) << z.str() << " " << i << "," << j;
        }
    }
}

TEST_F(Bfloat, IntegersAtTileEdges) {
    for (const std::int64_t m : {1, 13, 14, 15, 29}) {
        for (const std::int64_t n : {1, 15, 16, 17, 31, 32, 33, 63, 64, 65}) {
            for (const std::int64_t k : {1, 2, 3, 63, 64, 65, 129}) {
                for (const int transposes : {0, 1, 2, 3}) check_integers({m, n, k, (transposes & 1) != 0, (transposes & 2) != 0}, p8, Format::parse("e4m3"));
            }
        }
    }
}

TEST_F(Bfloat, IntegersBeyondEveryBlock) {
    for (const std::int64_t k : {511, 512, 513, 767, 768, 769, 1537}) {
        for (const int transposes : {0, 1, 2, 3}) check_integers({15, 35, k, (transposes & 1) != 0, (transposes & 2) != 0}, p8, p8);
    }
    for (const int transposes : {0, 1, 2, 3}) check_integers({173, 519, 771, (transposes & 1) != 0, (transposes & 2) != 0}, Format::parse("fixed(8,4)"), p8);
}

// |error| <= k 2^-24 sum |a b| and once more for the sum within a pair.
TEST_F(Bfloat, RandomCodesWithinTheBound) {
    for (const char* name : {"posit(8,0)", "posit(8,1)", "posit(8,2)", "posit(8,3)", "e4m3"}) {
        const Format format = Format::parse(name);
        const Product z{23, 45, 1001, false, true};
        auto random = [&](std::int64_t count, std::uint64_t seed) {
            auto codes = random_codes(format, static_cast<std::size_t>(count), seed);
            for (auto& code : codes) code = std::isfinite(decode_one(format, code)) ? code : 0;
            return codes;
        };
        const auto a = random(z.m * z.k, 51), b = random(z.n * z.k, 52);
        const auto y =
            matmul(Tensor::from_codes(a, z.a(), format), Tensor::from_codes(b, z.b(), format), {.transpose_b = true, .output = Target(f32)}).to_vector();
        for (std::size_t i = 0; i < y.size(); ++i) {
            double sum = 0, size = 0;
            for (std::int64_t l = 0; l < z.k; ++l) {
                const double product = decode_one(format, a[z.a_index(static_cast<std::int64_t>(i) / z.n, l)])
                                       * decode_one(format, b[z.b_index(l, static_cast<std::int64_t>(i) % z.n)]);
                sum += product;
                size += std::abs(product);
            }
            ASSERT_LE(std::abs(y[i] - sum), 2 * static_cast<double>(z.k) * 0x1p-24 * size) << name << " " << i;
        }
    }
}

TEST_F(Bfloat, NaRInAPairSpoilsItsRowAlone) {
    for (const std::int64_t k : {1, 2, 3, 770}) {
        for (const std::int64_t place : {std::int64_t{0}, k - 1}) {
            std::vector<std::uint64_t> codes(static_cast<std::size_t>(3 * k), 0x40);
            codes[static_cast<std::size_t>(k + place)] = 0x80;
            const Tensor a = Tensor::from_codes(codes, {3, k}, p8), zeros = Tensor::zeros({k, 33}, p8);
            const auto y = matmul(a, zeros).codes();
            for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], i / 33 == 1 ? 0x80u : 0u) << k << " " << i;
        }
    }
}

TEST_F(Bfloat, EmptySizesAndBatches) {
    EXPECT_EQ(matmul(Tensor::zeros({0, 3}, p8), Tensor::zeros({3, 4}, p8)).shape(), (Shape{0, 4}));
    EXPECT_EQ(matmul(Tensor::zeros({3, 0}, p8), Tensor::zeros({0, 2}, p8)).to_vector(), std::vector<float>(6, 0.0f));
    const Integers a({3, 5, 7}, 61, p8), b({7, 9}, 62, p8);
    const auto y = matmul(a.tensor, b.tensor, {.output = Target(f32)}).to_vector();
    for (std::size_t i = 0; i < y.size(); ++i) {
        int sum = 0;
        for (std::size_t l = 0; l < 7; ++l) sum += a.values[i / 9 * 7 + l] * b.values[l * 9 + i % 9];
        EXPECT_EQ(y[i], static_cast<float>(sum)) << i;
    }
    expect_same_for_all_thread_counts([x = normal({300, 700}, 63, p8), w = normal({700, 100}, 64, p8)] { return matmul(x, w, {.output = Target(f32)}); },
                                      "posits");
}

struct Convolution {
    Shape x, w;
    core::Conv2dSpec spec;
};

// One NaR in each operand in turn: float32 sums find NaR where exact ones do, among them products of NaR with padding and with the zeros
// between the elements of a strided gradient.
TEST_F(Bfloat, ConvolutionsFindNaRWhereExactSumsDo) {
    for (const Convolution& z : {Convolution{{2, 3, 6, 5}, {4, 3, 3, 3}, {.padding = 1}}, Convolution{{2, 3, 7, 6}, {5, 3, 3, 2}, {.stride = 2, .padding = 1}},
                                 Convolution{{1, 2, 8, 8}, {3, 2, 1, 1}, {.stride = 3}}, Convolution{{2, 2, 4, 4}, {130, 2, 3, 3}, {.padding = 1}}}) {
        for (const Format& format : {p8, Format::posit(16, 1)}) {
            const Shape y = core::conv2d(Tensor::zeros(z.x), Tensor::zeros(z.w), {}, z.spec).shape();
            const auto codes = [&](const Shape& shape, bool spoilt) {
                std::vector<std::uint64_t> v(static_cast<std::size_t>(shape.elements()), std::uint64_t{1} << (format.bits() - 2));
                if (spoilt) v[v.size() / 2] = std::uint64_t{1} << (format.bits() - 1);
                return Tensor::from_codes(v, shape, format);
            };
            for (const int spoilt : {0, 1, 2}) {
                const Tensor x = codes(z.x, spoilt == 0), w = codes(z.w, spoilt == 1), dy = codes(y, spoilt == 2);
                const auto products = [&](const Accumulator& accumulator) {
                    const core::SumOptions options{.accumulator = accumulator};
                    return std::vector{core::conv2d(x, w, {}, z.spec, options).codes(), core::conv2d_backward_data(dy, w, z.x, z.spec, options).codes(),
                                       core::conv2d_backward_weights(dy, x, z.w, z.spec, options).codes()};
                };
                EXPECT_EQ(products(Accumulator::float32()), products(Accumulator::exact())) << z.x.str() << " " << z.w.str() << " operand " << spoilt;
            }
        }
    }
}

TEST_F(Bfloat, ConvolutionsAreTheSameForAllThreadCounts) {
    for (const Convolution& z : {Convolution{{9, 6, 14, 14}, {16, 6, 5, 5}, {}}, Convolution{{5, 33, 8, 8}, {130, 33, 3, 3}, {.padding = 1}},
                                 Convolution{{4, 16, 16, 16}, {32, 16, 3, 3}, {.stride = 2, .padding = 1}}}) {
        const Tensor x = normal(z.x, 71, p8), w = normal(z.w, 72, p8), y = core::conv2d(x, w, {}, z.spec);
        const core::SumOptions options{.output = Target(f32)};
        expect_same_for_all_thread_counts([&] { return core::conv2d(x, w, {}, z.spec, options); }, "forward");
        expect_same_for_all_thread_counts([&] { return core::conv2d_backward_data(y, w, z.x, z.spec, options); }, "backward data");
        expect_same_for_all_thread_counts([&] { return core::conv2d_backward_weights(y, x, z.w, z.spec, options); }, "backward weights");
    }
}

}  // namespace taper::tests
