// Losses that are means over elements: terms in float64, added as reductions add, one rounding.
#include <taper/core/point_losses.h>
#include <taper/cuda/backend.h>
#include <taper/cuda/element_io.h>
#include <taper/cuda/sums.h>

namespace taper::cuda {

namespace {

template <class Loss>
struct LossTerm {
    Input x, target;
    TAPER_FN double operator()(std::int64_t, std::int64_t k) const { return Loss::loss(x.at<double>(k), target.at<double>(k)); }
};

void write_mean(Runtime& runtime, const double* sum, std::int64_t n, const Result y) {
    for_each(runtime, 1, TAPER_BODY(std::int64_t i) { y.put(i, sum[i] / static_cast<double>(n)); });
}

template <class Loss>
void gradient_each(Runtime& runtime, std::int64_t n, const Input x, const Input target, const Input dloss, const Result dx) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        const double share = dloss.at<double>(0) / static_cast<double>(n);
        dx.put(i, Loss::grad(x.at<double>(i), target.at<double>(i)) * share + 0.0);  // no -0
    });
}

template <class Loss>
Buffer<double> sum_of(Runtime& runtime, const Tensor& x, const Tensor& target) {
    return ordered_sums<double>(runtime, 1, x.elements(), LossTerm<Loss>{Input(runtime, x), Input(runtime, target)});
}

}  // namespace

void CudaBackend::point_loss(core::PointLoss kind, const Tensor& x, const Tensor& target, Tensor& loss) {
    const Buffer<double> sum = kind == core::PointLoss::mse ? sum_of<core::Mse>(runtime_, x, target) : sum_of<core::BceWithLogits>(runtime_, x, target);
    write_mean(runtime_, sum.data(), x.elements(), Result(runtime_, loss, RoundingMode{}));
}

void CudaBackend::point_loss_backward(core::PointLoss kind, const Tensor& x, const Tensor& target, const Tensor& dloss, Tensor& dx, const RoundingMode& mode) {
    const Input x_in(runtime_, x), target_in(runtime_, target), dloss_in(runtime_, dloss);
    const Result out(runtime_, dx, mode);
    if (kind == core::PointLoss::mse)
        gradient_each<core::Mse>(runtime_, dx.elements(), x_in, target_in, dloss_in, out);
    else
        gradient_each<core::BceWithLogits>(runtime_, dx.elements(), x_in, target_in, dloss_in, out);
}

}  // namespace taper::cuda
