// Dropout: the mask is Philox's draws, one bit each; what is kept is scaled and rounded once, the rest 0; NaN stays.
#include <cmath>
#include <limits>

#include "core/product_support.h"

namespace taper::tests {
namespace {

class Dropout : public CoreOps {};

bool kept(const std::vector<std::int32_t>& mask, std::size_t i) { return (mask[i / 8] >> (i % 8) & 1) != 0; }

TEST_F(Dropout, TheMaskIsOneDrawAnElement) {
    for (const double p : {0.0, 0.3, 0.5, 1.0}) {
        for (const std::int64_t n : {0, 1, 7, 8, 1003, 70000}) {
            const NextDraws draws;
            const auto mask = core::dropout_mask(n, p).to_int32_vector();
            ASSERT_EQ(mask.size(), static_cast<std::size_t>((n + 7) / 8));
            for (std::size_t i = 0; i < 8 * mask.size(); ++i)
                ASSERT_EQ(kept(mask, i), i < static_cast<std::size_t>(n) && draws[i] < (1 - p) * 0x1p32) << p << " " << n << " " << i;
        }
    }
}

TEST_F(Dropout, ScalesWhatItKeepsAndRoundsOnce) {
    const double scale = 1 / (1 - 0.3);
    for (const char* text : {"posit(8,2)", "posit(16,1)", "fixed(8,4)", "e4m3", "float32", "posit(32,2)", "float64"}) {
        const Format f = Format::parse(text);
        for (const Format& out : {f, Format::posit(8, 2)}) {
            const Tensor x = normal({21, 101}, 1, f), mask = core::dropout_mask(x.elements(), 0.3);
            const auto bits = mask.to_int32_vector();
            const auto got = core::dropout(x, mask, scale, out).codes(), scaled = core::unary(Unary::scale, x, scale, out).codes();
            for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], kept(bits, i) ? scaled[i] : 0) << text << " " << i;
        }
    }
}

TEST_F(Dropout, NanStays) {
    const Tensor x = Tensor::from({std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -1}, {3});
    const auto none = core::dropout(x, core::dropout_mask(3, 1), 1).to_vector();
    EXPECT_TRUE(std::isnan(none[0]) && std::isnan(none[1]));
    EXPECT_EQ(core::dropout(x, core::dropout_mask(3, 1), 1).codes()[2], 0u);
}

TEST_F(Dropout, ResultsDoNotDependOnThreads) {
    const Tensor x = normal({70000}, 2, Format::posit(8, 2));
    expect_same_for_all_thread_counts(
        [&] {
            seed(5);
            return core::dropout(x, core::dropout_mask(70000, 0.5), 2);
        },
        "dropout");
}

TEST_F(Dropout, ErrorsNameTheOpAndWhatCame) {
    EXPECT_EQ(error_of([] { core::dropout_mask(3, 1.5); }), "dropout: p is no probability: 1.5 (want 0 to 1)");
    EXPECT_EQ(error_of([] { core::dropout(Tensor::zeros({9}), Tensor::zeros({1}, Format::uint8()), 1); }),
              "dropout: the mask does not fit: uint8 [1] came for x [9] (want uint8 [2])");
}

}  // namespace
}  // namespace taper::tests
