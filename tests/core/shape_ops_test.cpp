// Ops that move codes, against index arithmetic written out here.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include <omp.h>

#include <taper/core/ops.h>
#include <taper/core/random.h>
#include <taper/formats/convert.h>

#include "support/throws.h"

namespace taper {
namespace {

using tests::error_of;

// Formats with codes of 1, 2, 4 and 8 bytes.
const std::vector<Format>& widths() {
    static const std::vector<Format> list = {Format::posit(8, 2), Format::posit(16, 2), Format::float32(), Format::float64()};
    return list;
}

// Every code is its own position, as far as the format's bits go.
Tensor numbered(const Shape& shape, const Format& format) {
    std::vector<std::uint64_t> codes(static_cast<std::size_t>(shape.elements()));
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = i * 0x9e3779b97f4a7c15ull >> (64 - format.bits());
    return Tensor::from_codes(codes, shape, format);
}

using Position = std::vector<std::int64_t>;

std::int64_t flat(const Position& position, const Shape& shape) {
    std::int64_t index = 0;
    for (std::size_t i = 0; i < position.size(); ++i) index = index * shape.sizes()[i] + position[i];
    return index;
}

// Codes of y where y[p] = x[source(p)].
std::vector<std::uint64_t> pick(const Tensor& x, const Shape& y, const std::function<Position(const Position&)>& source) {
    const std::vector<std::uint64_t> codes = x.codes();
    std::vector<std::uint64_t> result;
    Position p(static_cast<std::size_t>(y.rank()), 0);
    for (std::int64_t i = 0; i < y.elements(); ++i) {
        result.push_back(codes[static_cast<std::size_t>(flat(source(p), x.shape()))]);
        for (std::size_t a = p.size(); a-- > 0;) {
            if (++p[a] < y.sizes()[a]) break;
            p[a] = 0;
        }
    }
    return result;
}

TEST(Permute, EveryOrderOfFourAxes) {
    for (const Format& format : widths()) {
        const Tensor x = numbered({3, 5, 2, 7}, format);
        std::vector<int> axes = {0, 1, 2, 3};
        do {
            const Tensor y = core::permute(x, axes);
            EXPECT_EQ(y.codes(), pick(x, y.shape(), [&](const Position& p) {
                Position q(4);
                for (std::size_t i = 0; i < 4; ++i) q[static_cast<std::size_t>(axes[i])] = p[i];
                return q;
            })) << format.name();
        } while (std::next_permutation(axes.begin(), axes.end()));
    }
}

TEST(Permute, LargeOnesOnThreads) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(2);
    for (const Format& format : widths()) {
        for (const Shape& shape : {Shape{301, 517}, Shape{64, 4096}, Shape{100000, 2}, Shape{2, 100000}}) {
            const Tensor x = numbered(shape, format);
            EXPECT_EQ(core::transpose(x).codes(), pick(x, {shape[1], shape[0]}, [](const Position& p) { return Position{p[1], p[0]}; })) << shape.str();
        }
        const Tensor x = numbered({5, 33, 17, 23}, format);
        const Tensor y = core::permute(x, std::vector<int>{0, 2, 3, 1});
        EXPECT_EQ(y.codes(), pick(x, y.shape(), [](const Position& p) { return Position{p[0], p[3], p[1], p[2]}; }));
        EXPECT_EQ(core::permute(y, std::vector<int>{0, -1, 1, 2}).codes(), x.codes());
    }
    omp_set_num_threads(before);
}

TEST(Permute, Errors) {
    const Tensor x = Tensor::zeros({2, 3});
    EXPECT_EQ(error_of([&] { core::permute(x, std::vector<int>{0, 0}); }), "permute: axes are no permutation: [0, 0] for [2, 3] (want each of its 2 axes once)");
    EXPECT_THROW(core::permute(x, std::vector<int>{0}), Error);
    EXPECT_THROW(core::permute(x, std::vector<int>{0, 2}), Error);
    EXPECT_EQ(error_of([&] { core::transpose(x, 0, 2); }), "transpose: no such axis: 2 of [2, 3] (want one from -2 to 1)");
    EXPECT_EQ(core::transpose(Tensor::zeros({4, 0})).shape(), (Shape{0, 4}));
}

TEST(Slice, AndItsGradient) {
    for (const Format& format : widths()) {
        const Tensor x = numbered({4, 6, 5}, format);
        for (int axis = 0; axis < 3; ++axis) {
            const Tensor y = core::slice(x, axis - 3, 1, 3);
            const std::size_t a = static_cast<std::size_t>(axis);
            EXPECT_EQ(y.codes(), pick(x, y.shape(), [&](Position p) { return ++p[a], p; })) << format.name();
            const Tensor back = core::slice_backward(y, x.shape(), axis, 1);
            EXPECT_EQ(core::slice(back, axis, 1, 3).codes(), y.codes());
            std::int64_t nonzero = 0, expected = 0;
            for (const std::uint64_t code : back.codes()) nonzero += code != 0 ? 1 : 0;
            for (const std::uint64_t code : y.codes()) expected += code != 0 ? 1 : 0;
            EXPECT_EQ(nonzero, expected) << "zero elsewhere";
        }
        EXPECT_EQ(core::slice(x, 1, 2, 2).shape(), (Shape{4, 0, 5}));
    }
    const Tensor dy = Tensor::from({0.3f, 3}, {2});
    const Tensor dx = core::slice_backward(dy, {4}, 0, 2, Target(Format::posit(8, 2)));
    EXPECT_EQ(dx.codes(), Tensor::from({0, 0, 0.3f, 3}, {4}, Format::posit(8, 2)).codes());
    EXPECT_EQ(error_of([&] { core::slice(dy, 0, 1, 3); }), "slice: no such range: [1, 3) of axis 0 of [2] (want 0 <= begin <= end <= 2)");
    EXPECT_EQ(error_of([&] { core::slice_backward(dy, {3}, 0, 2); }), "slice_backward: dy does not fit: [2] at 2 of axis 0 of [3] (want equal sizes but there, within it)");
}

TEST(Concatenate, UndoesSlices) {
    for (const Format& format : widths()) {
        const Tensor x = numbered({40, 60, 50}, format);
        for (int axis = 0; axis < 3; ++axis) {
            const std::vector<Tensor> parts = {core::slice(x, axis, 0, 7), core::slice(x, axis, 7, 7), core::slice(x, axis, 7, x.size(axis))};
            const Tensor y = core::concatenate(parts, axis);
            EXPECT_EQ(y.shape(), x.shape());
            EXPECT_EQ(y.codes(), x.codes()) << format.name() << " " << axis;
        }
    }
    const std::string here = default_device().name();
    const std::vector<Tensor> mixed = {Tensor::zeros({2}), Tensor::zeros({2}, Format::posit(8, 2))};
    EXPECT_EQ(error_of([&] { core::concatenate(mixed, 0); }), "concatenate: parts differ: float32 on " + here + " and posit(8,2) on " + here + " (want one format and device)");
    const std::vector<Tensor> uneven = {Tensor::zeros({2, 3}), Tensor::zeros({2, 4})};
    EXPECT_EQ(error_of([&] { core::concatenate(uneven, 0); }), "concatenate: shapes differ: [2, 3] and [2, 4] (want equal sizes but on axis 0)");
    EXPECT_EQ(error_of([] { core::concatenate({}, 0); }), "concatenate: there are no parts (want one or more)");
}

TEST(BroadcastTo, Repeats) {
    for (const Format& format : widths()) {
        const Tensor x = numbered({3, 1, 5}, format);
        const Tensor y = core::broadcast_to(x, {2, 3, 4, 5});
        EXPECT_EQ(y.codes(), pick(x, y.shape(), [](const Position& p) { return Position{p[1], 0, p[3]}; }));
        const Tensor column = numbered({300, 1}, format);
        const Tensor wide = core::broadcast_to(column, {300, 200});
        EXPECT_EQ(wide.codes(), pick(column, wide.shape(), [](const Position& p) { return Position{p[0], 0}; }));
    }
    const Tensor x = Tensor::zeros({3, 2});
    EXPECT_EQ(core::broadcast_to(x, {3, 2}).storage(), x.storage());
    EXPECT_EQ(core::broadcast_to(Tensor::zeros({1, 2}), {0, 2}).elements(), 0);
    EXPECT_EQ(error_of([&] { core::broadcast_to(x, {2}); }), "broadcast_to: the shape does not hold x: [3, 2] to [2] (want each axis of x to be equal or 1)");
    EXPECT_EQ(error_of([&] { core::broadcast_to(x, {1, 2}); }), "broadcast_to: the shape does not hold x: [3, 2] to [1, 2] (want each axis of x to be equal or 1)");
}

Tensor indices(const std::vector<std::int32_t>& values, const Shape& shape) { return Tensor::from(std::span<const std::int32_t>(values), shape); }

TEST(Gather, PicksAlongEveryAxis) {
    const Shape shape{4, 6, 5};
    for (const Format& format : widths()) {
        const Tensor x = numbered(shape, format);
        for (int axis = 0; axis < 3; ++axis) {
            std::vector<std::int64_t> sizes = shape.sizes();
            sizes[static_cast<std::size_t>(axis)] = 9;
            const Shape picked(sizes);
            std::vector<std::int32_t> values;
            for (std::int64_t i = 0; i < picked.elements(); ++i) values.push_back(static_cast<std::int32_t>((i * 7 + i / 3) % shape[axis]));
            const Tensor y = core::gather(x, axis, indices(values, picked));
            EXPECT_EQ(y.codes(), pick(x, picked, [&](Position p) {
                p[static_cast<std::size_t>(axis)] = values[static_cast<std::size_t>(flat(p, picked))];
                return p;
            })) << format.name();
        }
    }
}

TEST(Gather, LargeOnThreads) {
    const Tensor x = numbered({1000, 10}, Format::posit(8, 2));
    std::vector<std::int32_t> values(1000 * 50);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(i * 13 % 10);
    const Tensor y = core::gather(x, 1, indices(values, {1000, 50}));
    EXPECT_EQ(y.codes(), pick(x, {1000, 50}, [&](const Position& p) { return Position{p[0], values[static_cast<std::size_t>(p[0] * 50 + p[1])]}; }));
}

TEST(Gather, Errors) {
    const Tensor x = Tensor::zeros({2, 10});
    EXPECT_EQ(error_of([&] { core::gather(x, 1, indices({0, 9, 3, 12}, {2, 2})); }), "gather: index out of range: 12 at [1, 1] (want 0 to 9)");
    EXPECT_EQ(error_of([&] { core::gather(x, 1, indices({0, -1}, {2, 1})); }), "gather: index out of range: -1 at [1, 0] (want 0 to 9)");
    EXPECT_EQ(error_of([&] { core::gather(x, 1, indices({0}, {1, 1})); }), "gather: index does not fit: x is [2, 10], index is [1, 1] (want equal sizes but on axis 1)");
    EXPECT_EQ(error_of([&] { core::gather(x, 1, Tensor::zeros({2, 1})); }), "gather: index has another format: float32 (want int32)");
    EXPECT_EQ(error_of([&] { core::gather_backward(Tensor::zeros({2, 1}), 1, indices({0, 12}, {2, 1}), {2, 10}); }),
              "gather_backward: index out of range: 12 at [1, 0] (want 0 to 9)");
    EXPECT_EQ(error_of([&] { core::gather_backward(Tensor::zeros({2, 2}), 1, indices({0, 1}, {2, 1}), {2, 10}); }),
              "gather_backward: shapes differ: dy is [2, 2], index is [2, 1] (want one)");
}

// Sums in float64 in the order of the axis, one rounding; the same for any number of threads.
TEST(Gather, Backward) {
    const int before = omp_get_max_threads();
    Generator generator(8);
    for (const Shape& shape : {Shape{3, 4, 5}, Shape{300, 7, 10}}) {
        for (int axis = 0; axis < 3; ++axis) {
            std::vector<std::int64_t> sizes = shape.sizes();
            sizes[static_cast<std::size_t>(axis)] = 40;
            const Shape picked(sizes);
            std::vector<std::int32_t> values;
            for (std::int64_t i = 0; i < picked.elements(); ++i) values.push_back(static_cast<std::int32_t>((i * 11 + i / 5) % shape[axis]));
            const Tensor index = indices(values, picked), dy = randn(picked, Format::posit(16, 1), default_device(), generator);
            const std::vector<double> terms = dy.to_vector_double();
            std::vector<double> sums(static_cast<std::size_t>(shape.elements()), 0);
            Position p(3, 0);
            for (std::size_t i = 0; i < terms.size(); ++i) {
                Position q = p;
                q[static_cast<std::size_t>(axis)] = values[i];
                sums[static_cast<std::size_t>(flat(q, shape))] += terms[i];
                for (std::size_t a = 3; a-- > 0;) {
                    if (++p[a] < picked.sizes()[a]) break;
                    p[a] = 0;
                }
            }
            for (const Rounding rounding : {Rounding::nearest, Rounding::stochastic}) {
                const Target target(Format::posit(8, 2), rounding);
                std::vector<std::uint64_t> results[2];
                for (int threads : {1, 2}) {
                    omp_set_num_threads(threads);
                    seed(77);
                    results[threads - 1] = core::gather_backward(dy, axis, index, shape, target).codes();
                }
                EXPECT_EQ(results[0], results[1]);
                std::vector<std::uint64_t> expected(sums.size());
                std::vector<std::uint8_t> codes(sums.size());
                encode(target.format, sums.data(), sums.size(), codes.data(), {.mode = rounding, .draws = {.seed = 77, .stream = 0}});
                std::copy(codes.begin(), codes.end(), expected.begin());
                EXPECT_EQ(results[0], expected) << shape.str() << " axis " << axis;
            }
        }
    }
    omp_set_num_threads(before);
}

}  // namespace
}  // namespace taper
