// The Frechet distance of two sets of feature vectors, each seen as a Gaussian.
#pragma once

#include <cstdint>
#include <span>

#include <Eigen/Core>

namespace taper::apps {

struct Gaussian {
    Eigen::VectorXd mean;        // [d]
    Eigen::MatrixXd covariance;  // [d, d], divided by n - 1
};

// Of n rows of d numbers, row after row, in float64.  Throws Error unless d > 0, n > 1 and there are n d numbers, or if one of them is NaN or infinite.
Gaussian fit_gaussian(std::span<const float> rows, std::int64_t d);

// |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), where tr (C1 C2)^(1/2) = tr (C1^(1/2) C2 C1^(1/2))^(1/2), whose matrices are symmetric; eigenvalues below 0,
// which are rounding errors, count as 0.  Throws Error if the sizes differ.
//   Source: Dowson and Landau 1982; Heusel et al. 2017 use it on another network's features under the name FID.
double frechet_distance(const Gaussian& a, const Gaussian& b);

}  // namespace taper::apps
