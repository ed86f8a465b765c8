#include <taper/core/sum_shape.h>

namespace taper {

namespace {

Framing framed_image(const ConvSizes& z) { return {z.n * z.groups * z.c, z.h, z.w, z.h + 2 * z.padding, z.w + 2 * z.padding, 1, z.padding, z.padding}; }

// One entry a group: how far its elements of either side, its outputs and its biases lie from those of the group before.
std::vector<SumBase> groups_of(const ConvSizes& z, const SumBase& step) {
    std::vector<SumBase> entries;
    for (std::int64_t g = 0; g < z.groups; ++g) entries.push_back({g * step.left, g * step.right, g * step.output, g * step.bias});
    return entries;
}

}  // namespace

SumShape matmul_sums(const Backend::MatmulShape& s) {
    SumShape sums;
    sums.left = {{}, Grid({{s.m, s.transpose_a ? 1 : s.k}}), Grid({{s.k, s.transpose_a ? s.m : 1}}), Grid({{s.m, s.n}})};
    sums.right = {{}, Grid({{s.n, s.transpose_b ? s.k : 1}}), Grid({{s.k, s.transpose_b ? 1 : s.n}}), Grid({{s.n, 1}})};
    for (std::int64_t i = 0; i < s.batch; ++i)
        sums.batch.push_back({s.a_offset[static_cast<std::size_t>(i)], s.b_offset[static_cast<std::size_t>(i)], i * s.m * s.n});
    return sums;
}

SumShape conv2d_sums(const ConvSizes& z) {
    const Framing f = framed_image(z);
    const std::int64_t depth = z.c * z.r * z.s, map = z.p * z.q, image = z.c * f.plane();
    SumShape sums;
    sums.left = {{}, Grid({{z.o, depth}}), Grid({{depth, 1}}), Grid({{z.o, map}})};
    sums.right = {f, Grid({{z.n, z.groups * image}, {z.p, z.stride * f.columns}, {z.q, z.stride}}),
                  Grid({{z.c, f.plane()}, {z.r, z.dilation * f.columns}, {z.s, z.dilation}}), Grid({{z.n, z.groups * z.o * map}, {map, 1}})};
    sums.batch = groups_of(z, {z.o * depth, image, z.o * map, z.o});
    sums.bias_of_rows = true;
    return sums;
}

SumShape conv2d_backward_data_sums(const ConvSizes& z) {
    const std::int64_t below = z.dilation * (z.r - 1), right = z.dilation * (z.s - 1);  // what a kernel reaches beyond its first element
    const Framing f{z.n * z.groups * z.o, z.p, z.q, z.h + below, z.w + right, z.stride, below - z.padding, right - z.padding};
    const std::int64_t area = z.r * z.s, map = z.h * z.w, image = z.o * f.plane();
    SumShape sums;
    sums.left = {{}, Grid({{z.c, area}}), Grid({{z.o, z.c * area}, {z.r, -z.s}, {z.s, -1}}, area - 1), Grid({{z.c, map}})};
    sums.right = {f, Grid({{z.n, z.groups * image}, {z.h, f.columns}, {z.w, 1}}), Grid({{z.o, f.plane()}, {z.r, z.dilation * f.columns}, {z.s, z.dilation}}),
                  Grid({{z.n, z.groups * z.c * map}, {map, 1}})};
    sums.batch = groups_of(z, {z.weights_of_group(), image, z.c * map, z.c});
    sums.bias_of_rows = true;
    return sums;
}

SumShape conv2d_backward_weights_sums(const ConvSizes& z) {
    const Framing f = framed_image(z);
    const std::int64_t depth = z.c * z.r * z.s, map = z.p * z.q, image = z.c * f.plane();
    SumShape sums;
    sums.left = {{}, Grid({{z.o, map}}), Grid({{z.n, z.groups * z.o * map}, {map, 1}}), Grid({{z.o, depth}})};
    sums.right = {f, Grid({{z.c, f.plane()}, {z.r, z.dilation * f.columns}, {z.s, z.dilation}}),
                  Grid({{z.n, z.groups * image}, {z.p, z.stride * f.columns}, {z.q, z.stride}}), Grid({{depth, 1}})};
    sums.batch = groups_of(z, {z.o * map, image, z.o * depth});
    return sums;
}

}  // namespace taper
