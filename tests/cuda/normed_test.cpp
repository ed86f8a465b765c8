// Moments that a convolution forms with its result: asked for once, they come with the next one, with the bits of a norm's own sums.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <taper/core/ops.h>
#include <taper/core/random.h>
#include <taper/cuda/backend.h>

namespace taper::cuda {
namespace {

struct Case {
    Shape x, w;
    core::Conv2dSpec spec;
};

const std::vector<Case>& cases() {  // of an even number of images, as the stand-in for cuDNN has plans for; one block of sums, several, ragged ones; channels within and beyond 32
    static const std::vector<Case> list = {{{2, 8, 9, 9}, {16, 8, 3, 3}, {.padding = 1}},
                                           {{6, 8, 33, 33}, {3, 8, 1, 1}, {}},
                                           {{4, 16, 64, 64}, {33, 16, 3, 3}, {.stride = 2, .padding = 1}},
                                           {{70, 8, 8, 8}, {40, 8, 3, 3}, {.padding = 1}},
                                           {{4, 8, 64, 64}, {8, 4, 3, 3}, {.padding = 1, .groups = 2}}};
    return list;
}

bool formed(const Tensor& y) { return static_cast<CudaBackend&>(*cuda_backend()).normed().take(y).has_value(); }

// The moments of y's codes in a tensor of which nothing is known.
core::Moments own_moments(const Tensor& y) { return core::norm_moments(y.clone()); }

void expect_moments_with_the_result(const std::function<Tensor()>& convolve, const std::string& what) {
    core::norm_moments(convolve());
    const Tensor y = convolve();
    const core::Moments want = own_moments(y), got = core::norm_moments(y);
    EXPECT_EQ(got.mean.codes(), want.mean.codes()) << what;
    EXPECT_EQ(got.variance.codes(), want.variance.codes()) << what;
    const Tensor next = convolve();
    EXPECT_EQ(next.codes(), y.codes()) << what;
    EXPECT_TRUE(formed(next)) << what;
    EXPECT_FALSE(formed(next)) << "taken once";
}

TEST(NormedResults, HaveTheMomentsOfTheirNorm) {
    seed(3);
    for (const Case& c : cases()) {
        for (const char* out : {"posit(8,2)", "posit(16,1)", "float32", "e4m3"}) {
            for (const Activation activation : {Activation::none, Activation::relu}) {
                const Format p8 = Format::posit(8, 2);
                const Tensor x = randn(c.x).to(p8), w = randn(c.w).to(p8), bias = randn({c.w[0]});
                const core::SumOptions options{.output = Format::parse(out), .activation = activation};
                expect_moments_with_the_result([&] { return core::conv2d(x, w, bias, c.spec, options); }, c.x.str() + " " + c.w.str() + " -> " + out);
            }
        }
    }
}

TEST(NormedResults, OfTransposedConvolutions) {
    seed(4);
    const Format p8 = Format::posit(8, 2);
    const Tensor x = randn({4, 16, 20, 20}).to(p8), w = randn({16, 12, 4, 4}).to(p8);
    expect_moments_with_the_result([&] { return core::conv_transpose2d(x, w, {}, {.stride = 2, .padding = 1}); }, "transposed");
}

TEST(NormedResults, WithNaNAreNaN) {
    seed(5);
    std::vector<float> values(4 * 8 * 32 * 32, 0.5f);
    values[5000] = std::nanf("");
    const Format p8 = Format::posit(8, 2);
    const Tensor x = Tensor::from(values, {4, 8, 32, 32}, p8), w = randn({8, 8, 3, 3}).to(p8);
    const auto convolve = [&] { return core::conv2d(x, w, {}, {.padding = 1}); };
    core::norm_moments(convolve());
    const Tensor y = convolve();
    for (const double mean : core::norm_moments(y).mean.to_vector_double()) EXPECT_TRUE(std::isnan(mean));
}

// What changes or is seen otherwise has its own moments.
TEST(NormedResults, AreThoseOfTheVersionAndShapeAlone) {
    seed(6);
    const Format p8 = Format::posit(8, 2);
    const Tensor x = randn({4, 8, 16, 16}).to(p8), w = randn({8, 8, 3, 3}).to(p8);
    const auto convolve = [&] { return core::conv2d(x, w, {}, {.padding = 1}); };
    core::norm_moments(convolve());
    Tensor y = convolve();
    const Tensor seen = y.reshape({8, 4, 16, 16});
    EXPECT_EQ(core::norm_moments(seen).mean.codes(), own_moments(seen).mean.codes());
    y.assign(randn({4, 8, 16, 16}).to(p8));
    EXPECT_EQ(core::norm_moments(y).mean.codes(), own_moments(y).mean.codes());
}

// Results that no norm asked for the last time, as in evaluation, are finished without.
TEST(NormedResults, AreNotFormedWhereNobodyAsks) {
    seed(7);
    const Format p8 = Format::posit(8, 2);
    const Tensor x = randn({4, 8, 16, 16}).to(p8), w = randn({8, 8, 3, 3}).to(p8);
    const auto convolve = [&] { return core::conv2d(x, w, {}, {.padding = 1}); };
    EXPECT_FALSE(formed(convolve()));  // which asks
    EXPECT_TRUE(formed(convolve()));
    convolve();
    convolve();  // nobody asked for the one before
    EXPECT_FALSE(formed(convolve()));
}

}  // namespace
}  // namespace taper::cuda
