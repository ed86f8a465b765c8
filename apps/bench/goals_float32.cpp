// Sums of products of 8-bit codes in float32, against the best float32 libraries.
#include <omp.h>

#include <fmt/format.h>

#include <taper/core/ops.h>
#include <taper/core/random.h>

#include "goal.h"
#include "yardstick.h"

namespace taper::bench {
namespace {

Outcome gemm(int n, const Effort& effort) {
    const OpenBlas blas;
    if (!blas.found()) return {{}, "no libopenblas.so.0 here"};
    omp_set_num_threads(1);
    const Tensor a = randn({n, n}), b = randn({n, n});
    const Tensor a8 = a.to(Format::posit(8, 2)), b8 = b.to(Format::posit(8, 2));
    const std::vector<float> a32 = a.to_vector(), b32 = b.to_vector();
    std::vector<float> c(a32.size());
    return speed_over([&] { blas.multiply(n, a32.data(), b32.data(), c.data()); }, [&] { core::matmul(a8, b8); }, effort);
}

}  // namespace

std::vector<Goal> float32_goals() {
    std::vector<Goal> goals;
    for (const int n : {256, 512, 1024, 2048})
        goals.push_back({fmt::format("gemm_posit8_2_{}", n), Bound::at_least, n == 2048 ? 0.75 : 0.80, [n](const Effort& effort) { return gemm(n, effort); }});
    return goals;
}

}  // namespace taper::bench
