// The Frechet distance against cases with a closed form, and grids of images read back.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include <Eigen/LU>
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#include <stb_image.h>

#include "common/frechet.h"
#include "common/png.h"
#include "program.h"
#include "support/throws.h"

namespace taper::apps {
namespace {

using tests::error_of;

Eigen::MatrixXd rotation(double angle) { return (Eigen::MatrixXd(2, 2) << std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle)).finished(); }

Gaussian gaussian(double x, double y, double first, double second, double angle) {
    const Eigen::MatrixXd turn = rotation(angle);
    return {Eigen::Vector2d(x, y), turn * Eigen::Vector2d(first, second).asDiagonal() * turn.transpose()};
}

TEST(Frechet, OfEqualGaussiansIsZero) {
    const Gaussian a = gaussian(1, -2, 3, 0.5, 0.7);
    EXPECT_NEAR(frechet_distance(a, a), 0, 1e-12);
}

// Covariances with the same axes: |m1 - m2|^2 + sum (s1 - s2)^2, s the standard deviations.
TEST(Frechet, OfSharedAxes) {
    EXPECT_NEAR(frechet_distance(gaussian(0, 0, 4, 9, 0), gaussian(3, 4, 1, 25, 0)), 25 + 1 + 4, 1e-12);
    EXPECT_NEAR(frechet_distance(gaussian(0, 0, 4, 9, 0.3), gaussian(3, 4, 1, 25, 0.3)), 25 + 1 + 4, 1e-12);
}

// In two dimensions tr (C1 C2)^(1/2) = sqrt(tr(C1 C2) + 2 sqrt(det(C1 C2))), whatever the axes.
TEST(Frechet, OfDifferentAxes) {
    const Gaussian a = gaussian(1, 0, 2, 0.1, 0.2), b = gaussian(0, 1, 0.7, 3, 1.1);
    const Eigen::MatrixXd product = a.covariance * b.covariance;
    const double cross = std::sqrt(product.trace() + 2 * std::sqrt(product.determinant()));
    EXPECT_NEAR(frechet_distance(a, b), 2 + 2.1 + 3.7 - 2 * cross, 1e-12);
    EXPECT_NEAR(frechet_distance(a, b), frechet_distance(b, a), 1e-12);
}

// Features that never move: eigenvalues of 0 come out as rounding errors of either sign.
TEST(Frechet, OfSingularCovariances) {
    const Gaussian a = gaussian(0, 0, 4, 0, 0.4), b = gaussian(0, 0, 0, 9, 0.4);
    EXPECT_NEAR(frechet_distance(a, a), 0, 1e-7);  // roots of errors of 1e-16
    EXPECT_NEAR(frechet_distance(a, b), 13, 1e-6);
}

TEST(Frechet, FitsMeanAndCovariance) {
    const std::vector<float> rows{1, 2, 3, 2, 5, 8};  // (1, 2), (3, 2), (5, 8)
    const Gaussian g = fit_gaussian(rows, 2);
    EXPECT_EQ(g.mean, Eigen::Vector2d(3, 4));
    EXPECT_EQ(g.covariance, (Eigen::MatrixXd(2, 2) << 4, 6, 6, 12).finished());
    EXPECT_NEAR(frechet_distance(g, fit_gaussian(rows, 2)), 0, 1e-7);
}

TEST(Frechet, Errors) {
    const std::vector<float> three{1, 2, 3}, nan{1, 2, std::numeric_limits<float>::quiet_NaN(), 4};
    EXPECT_EQ(error_of([&] { fit_gaussian(three, 2); }), "fit_gaussian: sizes do not fit: 3 numbers in rows of 2 (want two rows or more)");
    EXPECT_EQ(error_of([&] { fit_gaussian(three, 3); }), "fit_gaussian: sizes do not fit: 3 numbers in rows of 3 (want two rows or more)");
    EXPECT_EQ(error_of([&] { fit_gaussian(nan, 2); }), "fit_gaussian: not a number: nan in row 1 (want finite features)");
    EXPECT_EQ(error_of([&] { frechet_distance(fit_gaussian(three, 1), gaussian(0, 0, 1, 1, 0)); }),
              "frechet_distance: sizes differ: 1 features and 2 (want as many)");
}

TEST(Png, GridIsReadBack) {
    const test::TemporaryFolder folder;
    const auto file = folder / "grid.png";
    std::vector<std::uint8_t> images(3 * 3 * 4 * 5);  // three images of three channels, 4 x 5
    for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<std::uint8_t>(i);
    write_grid(file, images, {3, 3, 4, 5}, 2);
    int width = 0, height = 0, channels = 0;
    stbi_uc* pixels = stbi_load(file.c_str(), &width, &height, &channels, 0);
    ASSERT_NE(pixels, nullptr);
    EXPECT_EQ(width, 2 * (5 + 2) + 2);
    EXPECT_EQ(height, 2 * (4 + 2) + 2);
    EXPECT_EQ(channels, 3);
    const auto at = [&](int row, int column, int channel) { return pixels[(row * width + column) * 3 + channel]; };
    EXPECT_EQ(at(2, 2, 1), images[20]);                               // image 0, channel 1, its first pixel
    EXPECT_EQ(at(2 + 3, 9 + 4, 2), images[60 + 2 * 20 + 3 * 5 + 4]);  // image 1, channel 2, its last
    EXPECT_EQ(at(8, 2, 0), images[120]);                              // image 2 begins the second row
    EXPECT_EQ(at(1, 2, 0), 0);
    EXPECT_EQ(at(8, 9, 0), 0);  // no fourth image
    stbi_image_free(pixels);

    EXPECT_EQ(error_of([&] {
                  write_grid("x.png", images, {9, 2, 2, 5}, 2);
              }),
              "write_grid: sizes do not fit: 180 bytes for [9, 2, 2, 5] in 2 columns of x.png (want [N, 1 or 3, H, W])");
    EXPECT_NE(error_of([&] { write_grid(folder / "none" / "x.png", images, {3, 3, 4, 5}, 2); }).find("none/x.png"), std::string::npos);
}

}  // namespace
}  // namespace taper::apps
