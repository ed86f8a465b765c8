// Losses that are means over elements: terms in float64, added as reductions add, one rounding.
#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/operand.h>
#include <taper/core/cpu/reduce.h>
#include <taper/core/point_losses.h>

namespace taper {
namespace {

template <class Loss>
double sum_of(const Tensor& x, const Tensor& target) {
    const Reader<double> x_in(x), t_in(target);
    const std::int64_t n = x.elements(), blocks = (n + sum_block - 1) / sum_block;
    std::vector<double> partial(static_cast<std::size_t>(blocks));
#pragma omp parallel for schedule(static) if (n >= parallel_from)
    for (std::int64_t block = 0; block < blocks; ++block) {
        alignas(64) double x_buffer[lane_block], t_buffer[lane_block], terms[lane_block], lane[sum_lanes] = {};
        const std::int64_t end = std::min(n, (block + 1) * sum_block);
        for (std::int64_t begin = block * sum_block; begin < end; begin += lane_block) {
            const std::int64_t count = std::min(lane_block, end - begin);
            const double *v = x_in.read(begin, count, x_buffer), *t = t_in.read(begin, count, t_buffer);
            for (std::int64_t i = 0; i < count; ++i) terms[i] = Loss::loss(v[i], t[i]);
            reduce_kernels().sum(terms, static_cast<std::size_t>(count), lane);
        }
        partial[static_cast<std::size_t>(block)] = add_lanes(lane);
    }
    double sum = 0;
    for (const double p : partial) sum += p;
    return sum;
}

template <class Loss>
std::size_t gradient(const Tensor& x, const Tensor& target, double share, Tensor& dx, const RoundingMode& mode) {
    const Reader<double> x_in(x), t_in(target);
    const Writer<double> out(dx, mode);
    return sum_over_blocks(dx.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) double x_buffer[lane_block], t_buffer[lane_block], dx_buffer[lane_block];
        const double *v = x_in.read(begin, count, x_buffer), *t = t_in.read(begin, count, t_buffer);
        for (std::int64_t i = 0; i < count; ++i) dx_buffer[i] = Loss::grad(v[i], t[i]) * share + 0.0;  // no -0
        return out.finish(begin, count, dx_buffer);
    });
}

}  // namespace

void CpuBackend::point_loss(core::PointLoss kind, const Tensor& x, const Tensor& target, Tensor& loss) {
    const double sum = kind == core::PointLoss::mse ? sum_of<core::Mse>(x, target) : sum_of<core::BceWithLogits>(x, target);
    const double mean = sum / static_cast<double>(x.elements());
    count_nan(Writer<double>(loss, {}).finish(0, 1, &mean));
}

void CpuBackend::point_loss_backward(core::PointLoss kind, const Tensor& x, const Tensor& target, const Tensor& dloss, Tensor& dx, const RoundingMode& mode) {
    double share = 0;
    decode(dloss.format(), dloss.data(), 1, &share);
    share /= static_cast<double>(x.elements());
    count_nan(kind == core::PointLoss::mse ? gradient<core::Mse>(x, target, share, dx, mode) : gradient<core::BceWithLogits>(x, target, share, dx, mode));
}

}  // namespace taper
