// Sums of products of 8-bit codes in float32, against the best float32 libraries.
#include <omp.h>

#include <cmath>

#include <fmt/format.h>

#include <taper/core/ops.h>
#include <taper/core/random.h>

#include "goal.h"
#include "onednn.h"
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

// One core, then two.
Outcome two_threads(const Effort& effort) {
    const Tensor a = randn({2048, 2048}, Format::posit(8, 2)), b = randn({2048, 2048}, Format::posit(8, 2));
    const auto run = [&](int threads) {
        omp_set_num_threads(threads);
        core::matmul(a, b);
    };
    return speed_over([&] { run(1); }, [&] { run(2); }, effort);
}

// The convolutions of LeNet-5, ResNet-20 and ResNet-18 on 32 x 32 images that are no matrix products.
const std::vector<ConvShape>& convolutions() {
    static const std::vector<ConvShape> shapes{
        {64, 1, 28, 28, 6, 5, 1, 2},  {64, 6, 14, 14, 16, 5, 1, 0},  {32, 16, 32, 32, 16, 3, 1, 1}, {32, 32, 16, 16, 32, 3, 1, 1},
        {32, 64, 8, 8, 64, 3, 1, 1},  {32, 16, 32, 32, 32, 3, 2, 1}, {8, 64, 32, 32, 64, 3, 1, 1},  {8, 128, 16, 16, 128, 3, 1, 1},
        {8, 256, 8, 8, 256, 3, 1, 1}, {8, 512, 4, 4, 512, 3, 1, 1},
    };
    return shapes;
}

double convolution_over_onednn(const ConvShape& z, ConvPass pass, const Effort& effort) {
    const Format format = Format::posit(8, 2);
    const Tensor x = randn({z.images, z.channels, z.height, z.width}, format), w = randn({z.outputs, z.channels, z.kernel, z.kernel}, format),
                 dy = randn({z.images, z.outputs, z.out_height(), z.out_width()}, format);
    const core::Conv2dSpec spec{.stride = z.stride, .padding = z.padding};
    const auto ours = [&] {
        if (pass == ConvPass::forward) core::conv2d(x, w, {}, spec);
        if (pass == ConvPass::backward_data) core::conv2d_backward_data(dy, w, x.shape(), spec);
        if (pass == ConvPass::backward_weights) core::conv2d_backward_weights(dy, x, w.shape(), spec);
    };
    return *speed_over(onednn_convolution(z, pass), ours, effort).ratio;
}

// Geometric mean over the layers; the first needs no gradient of its images.
Outcome convolutions_over_onednn(ConvPass pass, const Effort& effort) {
    omp_set_num_threads(1);
    double sum = 0, count = 0;
    for (const ConvShape& shape : convolutions()) {
        if (pass == ConvPass::backward_data && shape.channels == 1) continue;
        if (!onednn_convolution(shape, pass)) return {{}, "no libdnnl.so.2 here"};
        const double ratio =
            convolution_over_onednn(shape, pass, {.seconds = effort.seconds / static_cast<double>(convolutions().size()), .least_pairs = effort.least_pairs});
        sum += std::log(ratio);
        ++count;
    }
    return {std::exp(sum / count), {}};
}

}  // namespace

std::vector<Goal> float32_goals() {
    std::vector<Goal> goals;
    const bool pairs = multiplies_bfloat_pairs();
    for (const int n : {256, 512, 1024, 2048}) {
        const double goal = pairs ? 1.6 : n == 2048 ? 0.75 : 0.80;
        goals.push_back({fmt::format("gemm_posit8_2_{}", n), Bound::at_least, goal, [n](const Effort& effort) { return gemm(n, effort); }});
    }
    goals.push_back({"gemm_two_threads", Bound::at_least, 1.8, two_threads});
    const auto convolutions = [&](const char* name, double goal, ConvPass pass) {
        goals.push_back({name, Bound::at_least, goal, [pass](const Effort& effort) { return convolutions_over_onednn(pass, effort); }});
    };
    convolutions("conv_forward_over_onednn", 0.65, ConvPass::forward);
    convolutions("conv_backward_data_over_onednn", 0.5, ConvPass::backward_data);
    convolutions("conv_backward_weights_over_onednn", 0.5, ConvPass::backward_weights);
    return goals;
}

}  // namespace taper::bench
