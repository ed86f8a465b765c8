#define EIGEN_DONT_PARALLELIZE  // the same sums for any number of threads
#include "common/frechet.h"

#include <cmath>

#include <fmt/format.h>
#include <Eigen/Eigenvalues>

#include <taper/formats/error.h>

namespace taper::apps {

Gaussian fit_gaussian(std::span<const float> rows, std::int64_t d) {
    const auto count = static_cast<std::int64_t>(rows.size());
    if (d < 1 || count % d != 0 || count / d < 2)
        throw Error(fmt::format("fit_gaussian: sizes do not fit: {} numbers in rows of {} (want two rows or more)", count, d));
    for (std::int64_t i = 0; i < count; ++i)
        if (!std::isfinite(rows[static_cast<std::size_t>(i)]))
            throw Error(fmt::format("fit_gaussian: not a number: {} in row {} (want finite features)", rows[static_cast<std::size_t>(i)], i / d));
    using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    Eigen::MatrixXd x = Eigen::Map<const Rows>(rows.data(), count / d, d).cast<double>();
    const Eigen::VectorXd mean = x.colwise().mean();
    x.rowwise() -= mean.transpose();
    return {mean, x.transpose() * x / static_cast<double>(count / d - 1)};
}

double frechet_distance(const Gaussian& a, const Gaussian& b) {
    if (a.mean.size() != b.mean.size())
        throw Error(fmt::format("frechet_distance: sizes differ: {} features and {} (want as many)", a.mean.size(), b.mean.size()));
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> of_a(a.covariance);
    const Eigen::MatrixXd root = of_a.eigenvectors() * of_a.eigenvalues().cwiseMax(0).cwiseSqrt().asDiagonal() * of_a.eigenvectors().transpose();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> product(root * b.covariance * root, Eigen::EigenvaluesOnly);
    const double cross = product.eigenvalues().cwiseMax(0).cwiseSqrt().sum();
    return (a.mean - b.mean).squaredNorm() + a.covariance.trace() + b.covariance.trace() - 2 * cross;
}

}  // namespace taper::apps
