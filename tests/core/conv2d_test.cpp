#include "core/conv_support.h"

namespace taper::tests {

using core::conv2d;
using core::conv2d_backward_data;
using core::conv2d_backward_weights;
using core::matmul;
using core::SumOptions;

class Conv2d : public CoreOps {};

const Format p8 = Format::posit(8, 2), f32 = Format::float32();

std::vector<Case> cases() {
    std::vector<Case> all;
    for (const std::int64_t stride : {1, 2, 3}) {
        for (const std::int64_t padding : {0, 1, 2, 3}) {
            for (const auto& [r, s] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {3, 3}, {2, 5}, {5, 5}}) {
                all.push_back({2, 3, 11, 9, 7, r, s, stride, padding});
                all.push_back({3, 1, 6, 8, 17, r, s, stride, padding});
            }
        }
    }
    all.push_back({5, 1, 28, 28, 6, 5, 5, 1, 2});  // LeNet-5
    all.push_back({9, 6, 14, 14, 16, 5, 5, 1, 0});
    all.push_back({9, 16, 5, 5, 33, 5, 5, 1, 0});  // the kernel covers the image
    all.push_back({4, 16, 16, 16, 32, 3, 3, 2, 1});
    all.push_back({2, 40, 4, 4, 45, 3, 3, 1, 1});  // small maps
    all.push_back({3, 5, 4, 3, 130, 3, 3, 1, 1});
    all.push_back({5, 48, 8, 8, 40, 3, 3, 1, 1});   // several images side by side, several blocks of terms
    all.push_back({9, 34, 8, 8, 64, 4, 4, 2, 1});   // the same by phases
    all.push_back({3, 66, 7, 7, 40, 3, 3, 2, 1});   // with phases of 4 and of 3 columns
    all.push_back({2, 3, 9, 13, 129, 3, 2, 2, 2});
    all.push_back({2, 130, 5, 5, 15, 3, 3, 1, 1});  // more channels than are decoded at a time
    all.push_back({2, 3, 23, 23, 15, 7, 7, 2, 3});  // kernels larger than half a vector of codes
    all.push_back({1, 2, 3, 700, 3, 3, 3, 1, 1});   // more pixels than are held at a time
    all.push_back({1, 2, 90, 90, 15, 3, 3, 1, 1});
    all.push_back({37, 2, 7, 7, 3, 3, 3, 1, 1});
    all.push_back({1, 1, 1, 1, 1, 1, 1, 1, 0});
    all.push_back({2, 3, 4, 4, 2, 4, 4, 3, 0});
    all.push_back({2, 2, 5, 5, 2, 1, 1, 1, 2});  // more padding than the kernel reaches
    for (const std::int64_t stride : {1, 2, 3, 4, 6}) {
        for (const std::int64_t dilation : {2, 3, 4}) {
            for (const std::int64_t padding : {0, 2, 5}) {
                all.push_back({2, 3, 13, 14, 7, 3, 4, stride, padding, dilation});
                all.push_back({2, 4, 11, 9, 6, 3, 2, stride, padding, dilation, 2});
            }
        }
        all.push_back({3, 8, 9, 10, 8, 3, 3, stride, 1, 1, 8});   // depthwise
        all.push_back({2, 3, 9, 10, 6, 3, 2, stride, 2, 2, 3});   // with two kernels a channel
        all.push_back({2, 6, 7, 7, 3, 1, 1, stride, 0, 3, 3});    // dilation of one element
        all.push_back({2, 48, 8, 8, 66, 3, 3, stride, 1, 1, 2});  // several panels a group
    }
    all.push_back({4, 64, 32, 32, 64, 3, 3, 1, 1, 1, 64});
    all.push_back({2, 3, 4, 3, 130, 2, 2, 1, 1, 2});      // small maps
    all.push_back({2, 4, 5, 5, 6, 5, 5, 1, 0, 1, 2});     // the kernel covers the image
    all.push_back({1, 2, 2, 30, 2, 1, 2, 20, 0, 25, 2});  // a stride and a dilation beyond the image
    return all;
}

std::vector<double> to_double(const std::vector<std::int64_t>& sums) { return {sums.begin(), sums.end()}; }

void check_integers(const Case& z, const Format& fx, const Format& fw, const Format& fy, const Accumulator& accumulator) {
    const Integers x(z.x(), 1, fx), w(z.weights(), 2, fw), dy(z.y(), 3, fy), bias({z.o}, 4, fw), dx_bias({z.c}, 5, fy);
    std::vector<std::int64_t> y(dy.values.size()), dx(x.values.size()), dw(w.values.size()), biased_dx;
    const std::int64_t map = z.p() * z.q();
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = bias.values[i / static_cast<std::size_t>(map) % static_cast<std::size_t>(z.o)];
    z.visit([&](std::size_t iy, std::int64_t ix, std::size_t iw) {
        if (ix < 0) return;
        const std::size_t jx = static_cast<std::size_t>(ix);
        y[iy] += x.values[jx] * w.values[iw];
        dx[jx] += dy.values[iy] * w.values[iw];
        dw[iw] += dy.values[iy] * x.values[jx];
    });
    for (std::size_t i = 0; i < dx.size(); ++i) biased_dx.push_back(dx[i] + dx_bias.values[i / static_cast<std::size_t>(z.h * z.w) % dx_bias.values.size()]);
    const SumOptions options{.accumulator = accumulator, .output = Target(f32)};
    const Tensor got_y = conv2d(x.tensor, w.tensor, bias.tensor, z.spec(), options);
    const Tensor got_dx = conv2d_backward_data(dy.tensor, w.tensor, z.x(), z.spec(), options);
    const Tensor got_dw = conv2d_backward_weights(dy.tensor, x.tensor, z.weights(), z.spec(), options);
    ASSERT_EQ(got_y.shape(), z.y()) << z.str();
    ASSERT_EQ(got_y.to_vector_double(), to_double(y)) << z.str();
    ASSERT_EQ(got_dx.to_vector_double(), to_double(dx)) << z.str();
    ASSERT_EQ(got_dw.to_vector_double(), to_double(dw)) << z.str();
    ASSERT_EQ(conv2d_backward_data(dy.tensor, w.tensor, z.x(), z.spec(), options, dx_bias.tensor).to_vector_double(), to_double(biased_dx)) << z.str();
    const Tensor rounded_y = conv2d(x.tensor, w.tensor, bias.tensor, z.spec(), {.accumulator = accumulator, .output = Target(p8)});
    ASSERT_EQ(rounded_y.codes(), rounded(to_double(y), p8)) << z.str();
}

TEST_F(Conv2d, IntegersInFloat32) {
    for (const Case& z : cases()) check_integers(z, f32, f32, f32, Accumulator::float32());
}

TEST_F(Conv2d, IntegersInPosits) {
    for (const Case& z : cases()) check_integers(z, p8, p8, p8, Accumulator::float32());
}

TEST_F(Conv2d, IntegersInMixedFormats) {
    const auto formats = parse_all({"float32", "posit(16,1)", "e4m3", "bf16", "fixed(8,4)"});
    for (const Format& x : formats) {
        for (const Format& w : formats) check_integers({3, 2, 7, 6, 5, 3, 3, 1, 1}, x, w, p8, Accumulator::float32());
    }
}

TEST_F(Conv2d, IntegersExactly) {
    for (const Case& z : cases()) {
        if (z.n * z.c * z.h * z.w < 2000) check_integers(z, p8, Format::parse("e4m3"), p8, Accumulator::exact());
    }
}

// A case with random posit codes, one of each tensor NaR, and the explicit unfoldings of one group: C and O are its channels.
struct Unfolding {
    Case z;
    std::int64_t group;
    Tensor x, w, dy;
    Tensor rows_of_x;    // [N P Q, C R S]: what each output reads, zeros in the padding
    Tensor rows_of_w;    // [O, C R S]
    Tensor spread_dy;    // [N H W, O R S]: what each element of dx reads of dy, zeros between its elements
    Tensor flipped_w;    // [C, O R S]
    Tensor lines_of_dy;  // [O, N P Q]

    Unfolding(const Case& c, std::int64_t g) : z(c), group(g) {
        const auto codes = [](const Shape& shape, std::uint64_t seed) {
            auto v = random_codes(p8, static_cast<std::size_t>(shape.elements()), seed);
            for (std::size_t i = 0; i < v.size(); ++i) v[i] = v[i] == 0x80 ? 0x40 : v[i];
            v[seed % v.size()] = 0x80;
            return v;
        };
        const auto vx = codes(z.x(), 101), vw = codes(z.weights(), 57), vdy = codes(z.y(), 83);
        const std::int64_t cs = z.c_of_group(), os = z.o_of_group(), area = z.r * z.s, depth = cs * area, map = z.p() * z.q();
        const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
        std::vector<std::uint64_t> ux(at(z.n * map * depth)), flipped(at(cs * os * area)), udy(at(z.n * z.h * z.w * os * area)), lines(at(os * z.n * map));
        z.visit([&](std::size_t iy, std::int64_t ix, std::size_t iw) {
            const std::int64_t y = static_cast<std::int64_t>(iy), k = static_cast<std::int64_t>(iw) % depth, n = y / map / z.o, t = k % area, ic = k / area;
            const std::int64_t io = y / map % z.o - group * os;
            if (io < 0 || io >= os) return;
            flipped[at((ic * os + io) * area + area - 1 - t)] = vw[iw];
            lines[at((io * z.n + n) * map + y % map)] = vdy[iy];
            if (ix < 0) return;
            ux[at((n * map + y % map) * depth + k)] = vx[at(ix)];
            const std::int64_t pixel = n * z.h * z.w + ix % (z.h * z.w);
            udy[at((pixel * os + io) * area + area - 1 - t)] = vdy[iy];
        });
        x = Tensor::from_codes(vx, z.x(), p8), w = Tensor::from_codes(vw, z.weights(), p8), dy = Tensor::from_codes(vdy, z.y(), p8);
        rows_of_x = Tensor::from_codes(ux, {z.n * map, depth}, p8), rows_of_w = Tensor::from_codes(of_group(vw), {os, depth}, p8);
        spread_dy = Tensor::from_codes(udy, {z.n * z.h * z.w, os * area}, p8), flipped_w = Tensor::from_codes(flipped, {cs, os * area}, p8);
        lines_of_dy = Tensor::from_codes(lines, {os, z.n * map}, p8);
    }

    // The group's part of the codes of weights.
    std::vector<std::uint64_t> of_group(const std::vector<std::uint64_t>& codes) const {
        const std::size_t size = codes.size() / static_cast<std::size_t>(z.groups), first = static_cast<std::size_t>(group) * size;
        return std::vector<std::uint64_t>(codes.data() + first, codes.data() + first + size);
    }
    // The codes of t [N, groups channels, pixels] as [N pixels, channels].
    std::vector<std::uint64_t> channels_last(const Tensor& t, std::int64_t pixels, std::int64_t channels) const {
        const auto v = t.codes();
        std::vector<std::uint64_t> moved;
        for (std::int64_t i = 0; i < z.n * pixels; ++i) {
            for (std::int64_t c = 0; c < channels; ++c)
                moved.push_back(v[static_cast<std::size_t>(((i / pixels * z.groups + group) * channels + c) * pixels + i % pixels)]);
        }
        return moved;
    }
};

std::vector<Unfolding> unfoldings() {
    std::vector<Unfolding> all;
    for (const Case& z : {Case{2, 3, 6, 5, 4, 3, 3, 1, 1}, Case{2, 2, 7, 7, 3, 3, 2, 2, 1}, Case{3, 1, 8, 8, 2, 5, 5, 3, 2}, Case{2, 2, 5, 5, 3, 1, 1, 2, 0},
                          Case{3, 5, 9, 9, 18, 3, 3, 1, 1}, Case{4, 3, 4, 4, 7, 4, 4, 1, 0}, Case{2, 2, 9, 8, 3, 3, 2, 1, 2, 3},
                          Case{2, 2, 9, 9, 3, 3, 3, 2, 1, 2}, Case{1, 2, 9, 9, 3, 3, 3, 6, 1, 4}, Case{2, 6, 6, 5, 4, 3, 3, 1, 1, 1, 2},
                          Case{2, 3, 7, 7, 3, 3, 3, 2, 1, 1, 3}, Case{2, 2, 8, 9, 4, 3, 2, 3, 2, 2, 2}}) {
        for (std::int64_t g = 0; g < z.groups; ++g) all.emplace_back(z, g);
    }
    return all;
}

// Convolution equals matmul over an explicit unfolding, bit for bit, in every mode that fixes its order.
TEST_F(Conv2d, EqualsMatmulOverAnUnfolding) {
    for (const Unfolding& u : unfoldings()) {
        for (const char* name : {"exact", "float64", "rounded(posit(8,2))", "rounded(posit(16,1))", "rounded(posit(16,1),posit(8,1))", "rounded(fp16)",
                                 "rounded(e4m3)", "rounded(posit(32,2))", "rounded_f32(posit(16,2))", "rounded_f32(bf16)", "compensated(posit(8,2))",
                                 "chunked(7,float32,posit(16,2))", "chunked(4,exact,posit(8,2))", "chunked(5,rounded(fp16),bf16)"}) {
            const Case& z = u.z;
            const Accumulator accumulator = Accumulator::parse(name);
            const SumOptions sum{.accumulator = accumulator, .output = Target(Format::posit(16, 2))};
            const core::MatmulOptions rows{.transpose_b = true, .accumulator = accumulator, .output = sum.output};
            const Tensor y = conv2d(u.x, u.w, {}, z.spec(), sum), dx = conv2d_backward_data(u.dy, u.w, z.x(), z.spec(), sum);
            EXPECT_EQ(u.channels_last(y, z.p() * z.q(), z.o_of_group()), matmul(u.rows_of_x, u.rows_of_w, rows).codes()) << z.str() << " " << name;
            EXPECT_EQ(u.channels_last(dx, z.h * z.w, z.c_of_group()), matmul(u.spread_dy, u.flipped_w, rows).codes()) << z.str() << " " << name;
            EXPECT_EQ(u.of_group(conv2d_backward_weights(u.dy, u.x, z.weights(), z.spec(), sum).codes()),
                      matmul(u.lines_of_dy, u.rows_of_x, {.accumulator = accumulator, .output = sum.output}).codes())
                << z.str() << " " << name;
        }
    }
}

TEST_F(Conv2d, Float32FindsNaRWhereExactSumsDo) {
    const auto nars = [](const Tensor& t) {
        std::vector<bool> v;
        for (const std::uint64_t code : t.codes()) v.push_back(code == 0x80);
        return v;
    };
    const SumOptions exact{.accumulator = Accumulator::exact()};
    for (const Unfolding& u : unfoldings()) {
        const Case& z = u.z;
        EXPECT_EQ(nars(conv2d(u.x, u.w, {}, z.spec())), nars(conv2d(u.x, u.w, {}, z.spec(), exact))) << z.str();
        EXPECT_EQ(nars(conv2d_backward_data(u.dy, u.w, z.x(), z.spec())), nars(conv2d_backward_data(u.dy, u.w, z.x(), z.spec(), exact))) << z.str();
        EXPECT_EQ(nars(conv2d_backward_weights(u.dy, u.x, z.weights(), z.spec())), nars(conv2d_backward_weights(u.dy, u.x, z.weights(), z.spec(), exact)))
            << z.str();
    }
}

// Real numbers: |error| <= 2 K 2^-24 sum |a b|, the sums taken in float64.
TEST_F(Conv2d, RealNumbersWithinTheBound) {
    for (const Case& z : {Case{4, 6, 14, 14, 16, 5, 5, 1, 0}, Case{3, 16, 16, 16, 20, 3, 3, 2, 1}, Case{3, 16, 16, 16, 20, 3, 3, 2, 2, 3, 4}}) {
        const Tensor x = normal(z.x(), 1), w = normal(z.weights(), 2), dy = normal(z.y(), 3);
        const auto vx = x.to_vector_double(), vw = w.to_vector_double(), vdy = dy.to_vector_double();
        std::vector<double> y(vdy.size()), dx(vx.size()), dw(vw.size()), by = y, bx = dx, bw = dw;
        z.visit([&](std::size_t iy, std::int64_t ix, std::size_t iw) {
            if (ix < 0) return;
            const std::size_t jx = static_cast<std::size_t>(ix);
            const auto add = [](double& sum, double& bound, double product) { sum += product, bound += std::abs(product); };
            add(y[iy], by[iy], vx[jx] * vw[iw]);
            add(dx[jx], bx[jx], vdy[iy] * vw[iw]);
            add(dw[iw], bw[iw], vdy[iy] * vx[jx]);
        });
        const auto check = [&](const Tensor& got, const std::vector<double>& sums, const std::vector<double>& bounds, std::int64_t k) {
            const auto v = got.to_vector_double();
            for (std::size_t i = 0; i < v.size(); ++i)
                ASSERT_LE(std::abs(v[i] - sums[i]), 2 * static_cast<double>(k) * 0x1p-24 * bounds[i]) << z.str() << " " << i;
        };
        check(conv2d(x, w, {}, z.spec()), y, by, z.c_of_group() * z.r * z.s);
        check(conv2d_backward_data(dy, w, z.x(), z.spec()), dx, bx, z.o_of_group() * z.r * z.s);
        check(conv2d_backward_weights(dy, x, z.weights(), z.spec()), dw, bw, z.n * z.p() * z.q());
    }
}

TEST_F(Conv2d, SameBitsForAllThreadCounts) {
    for (const Case& z : {Case{16, 6, 14, 14, 16, 5, 5, 1, 0}, Case{1, 16, 16, 16, 60, 3, 3, 1, 1}, Case{7, 70, 6, 6, 110, 3, 3, 1, 1},
                          Case{16, 16, 5, 5, 120, 5, 5, 1, 0}, Case{16, 32, 16, 16, 32, 3, 3, 1, 1, 1, 32}, Case{16, 32, 16, 16, 32, 3, 3, 2, 2, 2, 2}}) {
        const Tensor x = normal(z.x(), 1), w = normal(z.weights(), 2), dy = normal(z.y(), 3);
        expect_same_for_all_thread_counts([&] { return conv2d(x, w, {}, z.spec()); }, z.str());
        expect_same_for_all_thread_counts([&] { return conv2d_backward_data(dy, w, z.x(), z.spec()); }, z.str());
        expect_same_for_all_thread_counts([&] { return conv2d_backward_weights(dy, x, z.weights(), z.spec()); }, z.str());
    }
}

TEST_F(Conv2d, EmptyShapes) {
    const Tensor none = Tensor::zeros({0, 3, 8, 8}), w = Tensor::full({4, 3, 3, 3}, 1), bias = Tensor::from({1, 2}, {2});
    EXPECT_EQ(conv2d(none, w, {}).shape(), (Shape{0, 4, 6, 6}));
    EXPECT_EQ(conv2d_backward_data(Tensor::zeros({0, 4, 6, 6}), w, {0, 3, 8, 8}).elements(), 0);
    EXPECT_EQ(conv2d_backward_weights(Tensor::zeros({0, 4, 6, 6}), none, {4, 3, 3, 3}).to_vector(), std::vector<float>(108, 0.0f));
    EXPECT_EQ(conv2d(Tensor::zeros({1, 0, 3, 3}), Tensor::zeros({2, 0, 3, 2}), bias).to_vector(), (std::vector<float>{1, 1, 2, 2}));
    EXPECT_EQ(conv2d_backward_data(Tensor::zeros({1, 0, 3, 3}), Tensor::zeros({0, 2, 3, 3}), {1, 2, 5, 5}).to_vector(), std::vector<float>(50, 0.0f));
}

TEST_F(Conv2d, Float64OperandsSumInFloat64) {
    const Format f64 = Format::float64();
    const Tensor x = Tensor::from(std::span<const double>(std::vector<double>{1, 0x1p-40, 3, 0}), {1, 1, 2, 2}, f64), w = Tensor::full({1, 1, 2, 2}, 1, f64);
    EXPECT_EQ(conv2d(x, w, Tensor::full({1}, 0x1p-44, f64)).to_vector_double()[0], 4 + 0x1p-40 + 0x1p-44);
    EXPECT_EQ(conv2d_backward_weights(x.reshape({1, 1, 2, 2}), x, {1, 1, 1, 1}).to_vector_double()[0], 10 + 0x1p-80);
    EXPECT_EQ(conv2d_backward_data(x, w, {1, 1, 3, 3}).to_vector_double()[4], 4 + 0x1p-40);
}

TEST_F(Conv2d, Errors) {
    const Tensor x = Tensor::zeros({2, 3, 8, 8}), w = Tensor::zeros({4, 3, 3, 3}), dy = Tensor::zeros({2, 4, 6, 6});
    EXPECT_EQ(error_of([&] { conv2d(x, w, {}, {.groups = 0}); }), "conv2d: groups are not positive: groups is 0 (want 1 or more)");
    EXPECT_EQ(error_of([&] { conv2d(x, w, {}, {.groups = 3}); }),
              "conv2d: groups do not divide the channels: x is [2, 3, 8, 8], w is [4, 3, 3, 3], groups is 3 (want a divisor of x[1] and w[0])");
    EXPECT_EQ(error_of([&] {
                  conv2d(Tensor::zeros({2, 4, 8, 8}), w, {}, {.groups = 2});
              }),
              "conv2d: channels differ: x is [2, 4, 8, 8], w is [4, 3, 3, 3], groups is 2 (want x[1] == w[1] groups)");
    EXPECT_EQ(error_of([&] { conv2d(x, w, {}, {.dilation = 0}); }), "conv2d: dilation is out of range: dilation is 0 (want 1 to 1048576)");
    EXPECT_EQ(
        error_of([&] { conv2d(x, w, {}, {.dilation = 4}); }),
        "conv2d: the kernel is larger than the padded image: x is [2, 3, 8, 8], w is [4, 3, 3, 3], padding is 0, dilation is 4 (want dilation (w[2] - 1) + 1 "
        "<= x[2] + 2 padding, likewise for columns)");
    EXPECT_EQ(error_of([&] {
                  conv2d_backward_data(dy, w, {2, 3, 8, 8}, {}, {}, Tensor::zeros({4}));
              }),
              "conv2d_backward_data: bias does not fit: bias is [4] (want [C] = [3])");
    EXPECT_EQ(error_of([&] { conv2d(x, w, {}, {.stride = 0}); }), "conv2d: stride is not positive: stride is 0 (want 1 or more)");
    EXPECT_EQ(error_of([&] { conv2d(x, w, {}, {.padding = -1}); }), "conv2d: padding is out of range: padding is -1 (want 0 to 1048576)");
    EXPECT_EQ(error_of([&] {
                  conv2d(x, Tensor::zeros({4, 2, 3, 3}), {});
              }),
              "conv2d: channels differ: x is [2, 3, 8, 8], w is [4, 2, 3, 3], groups is 1 (want x[1] == w[1] groups)");
    EXPECT_EQ(error_of([&] { conv2d(x, w, Tensor::zeros({3})); }), "conv2d: bias does not fit: bias is [3] (want [O] = [4])");
    EXPECT_EQ(error_of([&] { conv2d(Tensor::zeros({3, 8, 8}), w, {}); }), "conv2d: x has 3 axes: x is [3, 8, 8] (want [N, C, H, W])");
    EXPECT_EQ(error_of([&] { conv2d(x, Tensor::zeros({4, 3, 9, 9}), {}); }).substr(0, 54), "conv2d: the kernel is larger than the padded image: x ");
    EXPECT_EQ(error_of([&] {
                  conv2d(x, Tensor::zeros({4, 3, 3, 3}, Format::posit(32, 2)), {});
              }),
              "conv2d: float32 cannot hold posit(32,2): w with accumulator float32 (want accumulator float64 or exact)");
    EXPECT_EQ(error_of([&] {
                  conv2d_backward_data(x, w, {2, 3, 8, 8});
              }),
              "conv2d_backward_data: dy does not fit: dy is [2, 3, 8, 8], x is [2, 3, 8, 8], w is [4, 3, 3, 3] (want dy [2, 4, 6, 6])");
    EXPECT_EQ(error_of([&] {
                  conv2d_backward_weights(dy, x, {4, 3, 5, 5});
              }),
              "conv2d_backward_weights: dy does not fit: dy is [2, 4, 6, 6], x is [2, 3, 8, 8], w is [4, 3, 5, 5] (want dy [2, 4, 4, 4])");
}

}  // namespace taper::tests
