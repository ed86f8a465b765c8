// Convolution with dilation and groups, and its gradients: every term in its order against exact rationals, in every accumulator, rounded to nearest and
// stochastically; what a NaR reaches.
#include <cmath>
#include <string>
#include <vector>

#include "core/conv_support.h"
#include "support/accumulator_reference.h"

namespace taper::tests {
namespace {

const Format p8 = Format::posit(8, 2), out = Format::posit(16, 1);

std::vector<Case> cases() {
    return {{1, 2, 6, 5, 2, 2, 3, 1, 1, 2},    {2, 1, 7, 6, 2, 3, 2, 2, 2, 3},    {1, 1, 9, 8, 2, 2, 2, 4, 3, 2},
            {1, 4, 4, 4, 6, 2, 3, 1, 1, 1, 2}, {2, 3, 5, 4, 3, 3, 3, 2, 1, 1, 3}, {1, 2, 4, 5, 6, 3, 2, 1, 0, 1, 2},
            {1, 4, 7, 6, 2, 2, 3, 2, 2, 2, 2}, {1, 2, 6, 7, 2, 2, 2, 3, 2, 4, 2}, {1, 2, 3, 3, 4, 3, 3, 1, 0, 1, 2}};
}

// visit(index, f) calls f(left, right) for the terms of output `index`: places in `left` and `right`, or -1 for a 0.
struct Sums {
    std::string name;
    const Tensor &left, &right, &bias;
    std::int64_t map;  // outputs of one bias, one after the other
    std::function<Tensor(const core::SumOptions&)> op;
    std::function<void(std::int64_t, const std::function<void(std::int64_t, std::int64_t)>&)> visit;
};

void check(const Sums& sums, const Accumulator& accumulator, Rounding rounding) {
    const auto left = sums.left.to_vector_double(), right = sums.right.to_vector_double();
    const auto bias = sums.bias.defined() ? sums.bias.to_vector_double() : std::vector<double>(1, 0.0);
    const auto value = [](const std::vector<double>& values, std::int64_t i) { return exact(i < 0 ? 0 : values[static_cast<std::size_t>(i)]); };
    const RoundingMode mode{rounding, {.seed = default_generator().seed(), .stream = default_generator().stream()}};
    ReferenceSum reference(accumulator, mode.draws.seed, mode.draws.stream);
    const Tensor y = sums.op({accumulator, Target(out, rounding)});
    const auto codes = y.codes();
    for (std::int64_t i = 0; i < y.elements(); ++i) {
        reference.start(static_cast<std::uint64_t>(i), exact(bias[static_cast<std::size_t>(i / sums.map) % bias.size()]));
        sums.visit(i, [&](std::int64_t l, std::int64_t r) { reference.add(value(left, l), value(right, r)); });
        ASSERT_EQ(codes[static_cast<std::size_t>(i)], reference.code(out, mode)) << sums.name << ", " << accumulator.name() << ", output " << i;
    }
}

class Conv2dTerms : public CoreOps {};

void check_cases(const Format& f, const std::vector<std::string>& accumulators) {
    for (const Case& z : cases()) {
        const Tensor x = normal(z.x(), 1, f), w = normal(z.weights(), 2, f), dy = normal(z.y(), 3, f), b = normal({z.o}, 4, f), bx = normal({z.c}, 5, f);
        const auto forward = [&](std::int64_t i, const auto& f) { z.visit_forward(i, f); };
        const auto data = [&](std::int64_t i, const auto& f) { z.visit_backward_data(i, f); };
        const auto weights = [&](std::int64_t i, const auto& f) { z.visit_backward_weights(i, f); };
        const Tensor none;
        const std::vector<Sums> all{
            {"forward " + z.str(), x, w, none, 1, [&](const core::SumOptions& o) { return core::conv2d(x, w, {}, z.spec(), o); }, forward},
            {"forward with bias " + z.str(), x, w, b, z.p() * z.q(), [&](const core::SumOptions& o) { return core::conv2d(x, w, b, z.spec(), o); }, forward},
            {"backward data " + z.str(), dy, w, none, 1, [&](const core::SumOptions& o) { return core::conv2d_backward_data(dy, w, z.x(), z.spec(), o); },
             data},
            {"backward data with bias " + z.str(), dy, w, bx, z.h * z.w,
             [&](const core::SumOptions& o) { return core::conv2d_backward_data(dy, w, z.x(), z.spec(), o, bx); }, data},
            {"backward weights " + z.str(), dy, x, none, 1,
             [&](const core::SumOptions& o) { return core::conv2d_backward_weights(dy, x, z.weights(), z.spec(), o); }, weights}};
        for (const std::string& name : accumulators) {
            for (const Sums& sums : all) {
                check(sums, Accumulator::parse(name), Rounding::nearest);
                if (name == "exact" || name == "rounded(fp16)") check(sums, Accumulator::parse(name), Rounding::stochastic);
            }
        }
    }
}

TEST_F(Conv2dTerms, EveryAccumulatorTakesThemInOrder) {
    check_cases(p8, {"exact", "exact(stochastic)", "rounded(posit(8,2))", "rounded(posit(8,2),stochastic)", "rounded(posit(16,1),posit(8,1))", "rounded(fp16)",
                     "rounded(bf16)", "rounded_f32(bf16)", "compensated(bf16)", "compensated(posit(8,2),stochastic)", "chunked(5,exact,posit(16,2))",
                     "chunked(4,rounded(posit(8,1)),posit(16,2))", "chunked(3,float32,fp16)"});
    check_cases(Format::posit(8, 1), {"rounded(fp16)", "rounded_f32(fp16)"});  // operands that fp16 holds
}

// float32's draws are by the index of the output, whatever its group: integers leave nothing else open.
TEST_F(Conv2dTerms, StochasticRoundingOfFloat32Sums) {
    for (const Case& z : cases()) {
        const Integers x(z.x(), 6, p8), w(z.weights(), 7, p8), dy(z.y(), 8, p8);
        const Target target(Format::posit(6, 0), Rounding::stochastic);
        const auto same = [&](const auto& op) {
            const std::uint64_t stream = default_generator().stream();
            const auto float32 = op(core::SumOptions{Accumulator::float32(), target}).codes();
            default_generator().set(default_generator().seed(), stream);
            EXPECT_EQ(float32, op(core::SumOptions{Accumulator::exact(), target}).codes()) << z.str();
        };
        same([&](const core::SumOptions& o) { return core::conv2d(x.tensor, w.tensor, {}, z.spec(), o); });
        same([&](const core::SumOptions& o) { return core::conv2d_backward_data(dy.tensor, w.tensor, z.x(), z.spec(), o); });
        same([&](const core::SumOptions& o) { return core::conv2d_backward_weights(dy.tensor, x.tensor, z.weights(), z.spec(), o); });
    }
}

// What lies between the elements of a dilated kernel is no term: a NaR there is not met; one that padding meets is.
TEST_F(Conv2dTerms, ADilatedKernelPassesOverNaR) {
    std::vector<std::uint64_t> image(5, 0x40), kernel(2, 0x40);
    image[1] = 0x80;
    const Tensor x = Tensor::from_codes(image, {1, 1, 1, 5}, p8), w = Tensor::from_codes(kernel, {1, 1, 1, 2}, p8);
    for (const Accumulator& accumulator : {Accumulator::float32(), Accumulator::exact(), Accumulator::rounded(p8)}) {
        const auto y = core::conv2d(x, w, {}, {.dilation = 2}, {accumulator}).to_vector();
        EXPECT_EQ(y[0], 2);
        EXPECT_TRUE(std::isnan(y[1]));
        EXPECT_EQ(y[2], 2);
    }
    kernel[1] = 0x80;
    const Tensor spoilt = Tensor::from_codes(kernel, {1, 1, 1, 2}, p8), ones = Tensor::from_codes(std::vector<std::uint64_t>(5, 0x40), {1, 1, 1, 5}, p8);
    for (const Accumulator& accumulator : {Accumulator::float32(), Accumulator::exact(), Accumulator::rounded(p8)}) {
        for (const float v : core::conv2d(ones, spoilt, {}, {.padding = 1, .dilation = 2}, {accumulator}).to_vector()) EXPECT_TRUE(std::isnan(v));
    }
}

}  // namespace
}  // namespace taper::tests
