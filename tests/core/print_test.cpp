// Printing, as NumPy lays it out.
#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <vector>

#include <taper/core/tensor.h>

namespace taper {
namespace {

const Format p8 = Format::posit(8, 2);
const float nan32 = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

TEST(Print, AlignsColumns) {
    EXPECT_EQ(Tensor::from({1, -0.5f, nan32, 2, 0.25f, 0}, {2, 3}, p8).str(),
              "[[   1, -0.5,  NaR],\n"
              " [   2, 0.25,    0]] posit(8,2) [2, 3]");
    EXPECT_EQ(Tensor::from({1, 2}, {2}).str(), "[1, 2] float32 [2]");
    EXPECT_EQ(Tensor::from({3.5f}, {}).str(), "3.5 float32 []");
    EXPECT_EQ(Tensor::from({nan32, infinity, -infinity}, {3}).str(), "[ nan,  inf, -inf] float32 [3]");
    EXPECT_EQ(Tensor::from({1 / 3.0f, 1e-7f, 1e20f}, {3}).str(), "[0.333333,    1e-07,    1e+20] float32 [3]");
    EXPECT_EQ(Tensor::from(std::span<const std::int32_t>(std::vector<std::int32_t>{7, -2}), {2, 1}).str(), "[[ 7],\n [-2]] int32 [2, 1]");
    EXPECT_EQ(Tensor::zeros({3, 0}).str(), "[] float32 [3, 0]");
}

TEST(Print, SeparatesMatricesByAnEmptyLine) {
    std::vector<float> values(8);
    std::iota(values.begin(), values.end(), 0.0f);
    EXPECT_EQ(Tensor::from(std::span<const float>(values), {2, 2, 2}).str(),
              "[[[0, 1],\n"
              "  [2, 3]],\n"
              "\n"
              " [[4, 5],\n"
              "  [6, 7]]] float32 [2, 2, 2]");
}

TEST(Print, ShortensBeyondAThousand) {
    std::vector<float> values(1001);
    std::iota(values.begin(), values.end(), 0.0f);
    EXPECT_EQ(Tensor::from(std::span<const float>(values), {1001}).str(), "[   0,    1,    2, ...,  998,  999, 1000] float32 [1001]");
    EXPECT_EQ(Tensor::from(std::span<const float>(values), {7, 143}).str(),
              "[[   0,    1,    2, ...,  140,  141,  142],\n"
              " [ 143,  144,  145, ...,  283,  284,  285],\n"
              " [ 286,  287,  288, ...,  426,  427,  428],\n"
              " ...,\n"
              " [ 572,  573,  574, ...,  712,  713,  714],\n"
              " [ 715,  716,  717, ...,  855,  856,  857],\n"
              " [ 858,  859,  860, ...,  998,  999, 1000]] float32 [7, 143]");
    EXPECT_EQ(Tensor::from(std::span<const float>(values).first(1000), {1000}).str().find("..."), std::string::npos);
}

}  // namespace
}  // namespace taper
