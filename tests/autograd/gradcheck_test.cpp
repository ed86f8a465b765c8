// Every op's gradient against central differences in float64: one table, one row a case; and that gradcheck sees a wrong one.
#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "autograd/ops_of_tests.h"
#include <taper/autograd/gradcheck.h>
#include <taper/formats/error.h>
#include <taper/formats/philox.h>

namespace taper {
namespace {

using namespace tests;
using Inputs = std::vector<Variable>;

struct Case {
    std::string name;
    std::vector<Shape> shapes;
    std::function<Variable(const Inputs&)> f;
    double low = -2, high = 2;  // of the inputs, uniform
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

std::vector<Tensor> inputs_of(const Case& c) {
    std::vector<Tensor> inputs;
    for (const Shape& shape : c.shapes) {
        std::vector<double> values(static_cast<std::size_t>(shape.elements()));
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = c.low + (c.high - c.low) * philox_draw(7, inputs.size(), i) * 0x1p-32;
        inputs.push_back(doubles(values, shape));
    }
    return inputs;
}

Tensor ints(const std::vector<std::int32_t>& values, const Shape& shape) { return Tensor::from(std::span<const std::int32_t>(values), shape); }

// Each op of the unary list on either side of 0, away from the corners of abs and relu; sqrt and log on the right side alone.
std::vector<Case> unary_cases() {
    std::vector<Case> cases;
    const auto row = [&](const char* name, Unary op) {
        const double a = op == Unary::leaky_relu ? 0.1 : (op == Unary::scale ? -1.5 : 0);
        const auto f = [op, a](const Inputs& x) { return unary(op, x[0], a); };
        cases.push_back({std::string(name) + "_positive", {{2, 3}}, f, 0.3, 2});
        if (op != Unary::sqrt && op != Unary::log) cases.push_back({std::string(name) + "_negative", {{2, 3}}, f, -2, -0.3});
    };
#define TAPER_ROW(type, function) row(#function, Unary::function);
    TAPER_UNARY_OPS(TAPER_ROW)
#undef TAPER_ROW
    return cases;
}

std::vector<Case> binary_cases() {
    std::vector<Case> cases;
    const auto row = [&](const std::string& name, Binary op) {
        const auto f = [op](const Inputs& x) { return binary(op, x[0], x[1]); };
        cases.push_back({name, {{2, 3}, {2, 3}}, f, 0.3, 2});
        cases.push_back({name + "_right_row", {{2, 3}, {3}}, f, 0.3, 2});
        cases.push_back({name + "_left_column", {{2, 1}, {2, 3}}, f, 0.3, 2});
        cases.push_back({name + "_outer", {{2, 1, 3}, {4, 1}}, f, -2, -0.3});
        cases.push_back({name + "_scalar", {{}, {2, 2}}, f, 0.3, 2});
        cases.push_back({name + "_itself", {{3}}, [op](const Inputs& x) { return binary(op, x[0], scale(x[0], 1.5)); }, 0.3, 2});
    };
#define TAPER_ROW(type, function) row(#function, Binary::function);
    TAPER_BINARY_OPS(TAPER_ROW)
#undef TAPER_ROW
    return cases;
}

std::vector<Case> shape_cases() {
    return {
        {"quantize", {{3}}, [](const Inputs& x) { return quantize(x[0], Format::float64()); }},
        {"quantize_identity", {{3}}, [](const Inputs& x) { return quantize(x[0], {}); }},
        {"reshape",
         {{2, 6}},
         [](const Inputs& x) {
             return reshape(x[0], {3, 4});
         }},
        {"permute",
         {{2, 3, 4}},
         [](const Inputs& x) {
             return permute(x[0], {2, 0, 1});
         }},
        {"permute_negative",
         {{2, 3, 4}},
         [](const Inputs& x) {
             return permute(x[0], {-1, 0, -2});
         }},
        {"transpose", {{2, 3, 4}}, [](const Inputs& x) { return transpose(x[0]); }},
        {"transpose_outer", {{2, 3, 4}}, [](const Inputs& x) { return transpose(x[0], 0, 2); }},
        {"slice", {{3, 5}}, [](const Inputs& x) { return slice(x[0], -1, 1, 4); }},
        {"concatenate",
         {{2, 3}, {2, 1}, {2, 2}},
         [](const Inputs& x) {
             return concatenate({x[0], x[1], x[2]}, 1);
         }},
        {"concatenate_first",
         {{2, 3}, {1, 3}},
         [](const Inputs& x) {
             return concatenate({x[0], x[1], x[0]}, -2);
         }},
        {"broadcast_to",
         {{3, 1}},
         [](const Inputs& x) {
             return broadcast_to(x[0], {2, 3, 4});
         }},
        {"gather",
         {{2, 3}},
         [](const Inputs& x) {
             return gather(x[0], 1, ints({2, 0, 2, 2, 1, 1, 1, 0}, {2, 4}));
         }},
        {"gelu", {{3, 4}}, [](const Inputs& x) { return gelu(x[0]); }},
        {"gelu_tanh", {{3, 4}}, [](const Inputs& x) { return gelu(x[0], core::GeluApproximation::tanh); }},
        {"dropout",
         {{3, 7}},
         [](const Inputs& x) {
             seed(3);
             return dropout(x[0], 0.4);
         }},
        {"embedding",
         {{4, 3}},
         [](const Inputs& x) {
             return embedding(x[0], ints({2, 0, 2, 3}, {2, 2}));
         }},
        {"gather_first",
         {{3, 2}},
         [](const Inputs& x) {
             return gather(x[0], 0, ints({2, 0, 2, 2}, {2, 2}));
         }},
    };
}

std::vector<Case> reduction_cases() {
    std::vector<Case> cases;
    using Reduce = Variable (*)(const Variable&, const std::vector<int>&, bool);
    const auto rows = [&](const std::string& name, Reduce reduce) {
        cases.push_back({name, {{3, 4}}, [=](const Inputs& x) { return reduce(x[0], {}, false); }});
        cases.push_back({name + "_keep", {{2, 3}}, [=](const Inputs& x) { return reduce(x[0], {}, true); }});
        cases.push_back({name + "_middle", {{2, 3, 4}}, [=](const Inputs& x) { return reduce(x[0], {1}, false); }});
        cases.push_back({name + "_two_axes", {{2, 3, 4}}, [=](const Inputs& x) { return reduce(x[0], {0, -1}, true); }});
    };
    rows("sum", sum);
    rows("mean", mean);
    rows("variance", variance);
    rows("max", max);
    cases.push_back({"softmax", {{3, 4}}, [](const Inputs& x) { return softmax(x[0]); }});
    cases.push_back({"log_softmax", {{2, 2, 3}}, [](const Inputs& x) { return log_softmax(x[0]); }});
    cases.push_back({"cross_entropy", {{3, 4}}, [](const Inputs& x) { return cross_entropy(x[0], ints({3, 0, 1}, {3})); }});
    cases.push_back({"cross_entropy_smoothing", {{3, 4}}, [](const Inputs& x) { return cross_entropy(x[0], ints({3, 0, 1}, {3}), 0.2); }});
    cases.push_back({"nll_loss", {{3, 4}}, [](const Inputs& x) { return nll_loss(x[0], ints({3, 0, 3}, {3})); }});
    const auto target = [] { return doubles({0.5, 1, 0, -1, 0.25, 2}, {2, 3}); };
    cases.push_back({"mse_loss", {{2, 3}}, [=](const Inputs& x) { return mse_loss(x[0], target()); }});
    cases.push_back({"bce_with_logits_loss", {{2, 3}}, [=](const Inputs& x) { return bce_with_logits_loss(x[0], target()); }});
    return cases;
}

std::vector<Case> product_cases() {
    const auto product = [](const Inputs& x) { return matmul(x[0], x[1]); };
    const auto dense = [](const Inputs& x) { return linear(x[0], x[1], x.size() > 2 ? x[2] : Variable()); };
    const auto exact = [](const Inputs& x) {
        return matmul(x[0], x[1], {.forward = Accumulator::exact(), .backward_data = Accumulator::exact(), .backward_weights = Accumulator::exact()});
    };
    const auto conv = [](const core::Conv2dSpec& spec) {
        return [spec](const Inputs& x) { return conv2d(x[0], x[1], x.size() > 2 ? x[2] : Variable(), spec); };
    };
    const auto transposed = [](const core::ConvTranspose2dSpec& spec) {
        return [spec](const Inputs& x) { return conv_transpose2d(x[0], x[1], x.size() > 2 ? x[2] : Variable(), spec); };
    };
    std::vector<Case> cases{
        {"matmul", {{2, 3}, {3, 4}}, product},
        {"matmul_exact", {{2, 3}, {3, 2}}, exact},
        {"matmul_batch", {{2, 2, 3}, {2, 3, 4}}, product},
        {"matmul_one_right", {{2, 4, 2, 3}, {3, 2}}, product},
        {"matmul_one_left", {{2, 3}, {4, 3, 2}}, product},
        {"matmul_broadcast", {{2, 1, 2, 3}, {3, 3, 2}}, product},
        {"matmul_broadcast_both", {{2, 1, 2, 3}, {1, 2, 3, 2}}, product},
        {"matmul_transposed", {{3, 2}, {4, 3}}, [](const Inputs& x) { return matmul(transpose(x[0]), transpose(x[1])); }},
        {"matmul_itself", {{3, 3}}, [](const Inputs& x) { return matmul(x[0], x[0]); }},
        {"linear", {{4, 3}, {2, 3}, {2}}, dense},
        {"linear_no_bias", {{4, 3}, {2, 3}}, dense},
        {"linear_batch", {{2, 2, 3}, {2, 3}, {2}}, dense},
        {"linear_vector", {{3}, {2, 3}, {2}}, dense},
        {"conv2d", {{2, 2, 5, 4}, {3, 2, 3, 2}, {3}}, conv({})},
        {"conv2d_no_bias", {{1, 2, 4, 4}, {2, 2, 3, 3}}, conv({})},
        {"conv2d_padding", {{2, 1, 4, 5}, {2, 1, 3, 3}, {2}}, conv({.padding = 1})},
        {"conv2d_stride", {{1, 2, 6, 5}, {2, 2, 3, 3}, {2}}, conv({.stride = 2})},
        {"conv2d_stride_padding", {{2, 2, 6, 5}, {2, 2, 3, 3}, {2}}, conv({.stride = 2, .padding = 1})},
        {"conv2d_stride_over_kernel", {{1, 1, 7, 7}, {2, 1, 2, 2}, {2}}, conv({.stride = 3, .padding = 1})},
        {"conv_transpose2d", {{2, 2, 3, 4}, {2, 3, 3, 2}, {3}}, transposed({})},
        {"conv_transpose2d_no_bias", {{2, 2, 3, 3}, {2, 1, 4, 4}}, transposed({.stride = 2, .padding = 1})},
        {"conv_transpose2d_output_padding", {{1, 2, 3, 2}, {2, 2, 3, 3}, {2}}, transposed({.stride = 2, .padding = 1, .output_padding = 1})},
        {"conv_transpose2d_gaps", {{1, 1, 3, 3}, {1, 2, 2, 2}, {2}}, transposed({.stride = 3})},
        {"conv2d_dilation", {{1, 2, 6, 7}, {2, 2, 2, 3}, {2}}, conv({.padding = 1, .dilation = 2})},
        {"conv2d_dilation_stride", {{1, 1, 8, 7}, {2, 1, 2, 2}, {2}}, conv({.stride = 2, .padding = 1, .dilation = 3})},
        {"conv2d_groups", {{2, 4, 4, 3}, {6, 2, 3, 2}, {6}}, conv({.padding = 1, .groups = 2})},
        {"conv2d_depthwise", {{2, 3, 5, 4}, {3, 1, 3, 3}, {3}}, conv({.stride = 2, .padding = 1, .groups = 3})},
        {"conv2d_groups_dilation", {{1, 2, 7, 6}, {4, 1, 2, 3}, {4}}, conv({.stride = 2, .padding = 2, .dilation = 2, .groups = 2})},
        {"conv_transpose2d_dilation", {{1, 2, 3, 2}, {2, 2, 3, 2}, {2}}, transposed({.stride = 2, .padding = 1, .output_padding = 1, .dilation = 2})},
        {"conv_transpose2d_groups", {{2, 4, 2, 3}, {4, 1, 3, 3}, {2}}, transposed({.stride = 2, .padding = 1, .groups = 2})},
        {"conv2d_one_by_one", {{2, 3, 2, 2}, {2, 3, 1, 1}, {2}}, conv({})},
    };
    // Every accumulator that a difference quotient can follow.
    for (const char* name : {"float64", "exact", "rounded(float64)", "rounded(float64,float64)", "compensated(float64)", "chunked(5,exact,float64)",
                             "chunked(4,float64,float64)"}) {
        const Accumulator accumulator = Accumulator::parse(name);
        const ProductOptions options{.forward = accumulator, .backward_data = accumulator, .backward_weights = accumulator};
        const std::string suffix = "_accumulator_" + std::to_string(cases.size());
        cases.push_back({"conv2d" + suffix, {{1, 2, 5, 6}, {4, 1, 2, 2}, {4}}, [=](const Inputs& x) {
                             return conv2d(x[0], x[1], x[2], {.stride = 2, .padding = 1, .dilation = 2, .groups = 2}, options);
                         }});
        cases.push_back({"conv_transpose2d" + suffix, {{1, 2, 2, 3}, {2, 1, 2, 2}, {2}}, [=](const Inputs& x) {
                             return conv_transpose2d(x[0], x[1], x[2], {.stride = 2, .padding = 1, .dilation = 2, .groups = 2}, options);
                         }});
    }
    return cases;
}

std::vector<Case> norm_cases() {
    const auto affine = [](const Inputs& x, std::size_t i) { return x.size() > i ? x[i] : Variable(); };
    const auto batch = [=](const Inputs& x) { return batch_norm(x[0], affine(x, 1), affine(x, 2), 1e-2); };
    const auto given = [=](const Inputs& x) {
        const core::Moments moments{doubles({0.5, -1, 0.25}, {3}), doubles({1, 2, 0.5}, {3})};
        return norm(x[0], moments, Statistics::given, affine(x, 1), affine(x, 2));
    };
    const auto layer = [=](const Inputs& x) { return layer_norm(x[0], {4}, affine(x, 1), affine(x, 2), 1e-2); };
    return {
        {"batch_norm", {{4, 3, 2, 2}, {3}, {3}}, batch},
        {"batch_norm_rows", {{5, 3}, {3}, {3}}, batch},
        {"batch_norm_plain", {{4, 2, 3}}, batch},
        {"batch_norm_given", {{4, 3, 2}, {3}, {3}}, given},
        {"batch_norm_given_rows", {{4, 3}, {3}, {3}}, given},
        {"group_norm", {{2, 4, 3}, {4}, {4}}, [=](const Inputs& x) { return group_norm(x[0], 2, affine(x, 1), affine(x, 2), 1e-2); }},
        {"group_norm_plain", {{2, 4, 2, 2}}, [=](const Inputs& x) { return group_norm(x[0], 4, {}, {}, 1e-2); }},
        {"layer_norm", {{3, 4}, {4}, {4}}, layer},
        {"layer_norm_plain", {{2, 3, 4}}, layer},
        {"layer_norm_two_axes", {{3, 2, 2}, {2, 2}, {2, 2}}, [=](const Inputs& x) { return layer_norm(x[0], {2, 2}, x[1], x[2], 1e-2); }},
    };
}

std::vector<Case> pool_cases() {
    const auto max_of = [](const core::Pool2dSpec& spec) { return [spec](const Inputs& x) { return max_pool2d(x[0], spec); }; };
    const auto mean_of = [](const core::Pool2dSpec& spec) { return [spec](const Inputs& x) { return avg_pool2d(x[0], spec); }; };
    return {
        {"max_pool2d", {{2, 2, 4, 4}}, max_of({})},
        {"max_pool2d_overlap", {{1, 2, 5, 6}}, max_of({.kernel = 3, .stride = 2})},
        {"max_pool2d_padding", {{1, 2, 4, 5}}, max_of({.kernel = 3, .stride = 1, .padding = 1})},
        {"max_pool2d_gaps", {{1, 1, 5, 5}}, max_of({.kernel = 2, .stride = 3})},
        {"avg_pool2d", {{2, 2, 4, 4}}, mean_of({})},
        {"avg_pool2d_overlap", {{1, 2, 5, 6}}, mean_of({.kernel = 3, .stride = 2})},
        {"adaptive_avg_pool2d", {{2, 2, 5, 4}}, [](const Inputs& x) { return adaptive_avg_pool2d(x[0], {.rows = 3, .columns = 2}); }},
        {"adaptive_avg_pool2d_larger", {{1, 2, 2, 3}}, [](const Inputs& x) { return adaptive_avg_pool2d(x[0], {.rows = 5, .columns = 4}); }},
        {"adaptive_avg_pool2d_one", {{2, 2, 3, 4}}, [](const Inputs& x) { return adaptive_avg_pool2d(x[0], {}); }},
        {"avg_pool2d_padding", {{1, 2, 4, 5}}, mean_of({.kernel = 3, .stride = 2, .padding = 1})},
    };
}

// Graphs: shared operands, two readers, a small network.
std::vector<Case> graph_cases() {
    return {
        {"several_readers", {{3}}, [](const Inputs& x) { return x[0] * x[0] + exp(x[0]) - x[0] / (x[0] * x[0] + Tensor::full({}, 1, Format::float64())); }},
        {"network",
         {{2, 1, 6, 6}, {2, 1, 3, 3}, {2}, {3, 8}, {3}},
         [](const Inputs& x) {
             const Variable h = max_pool2d(tanh(conv2d(x[0], x[1], x[2])));
             return cross_entropy(linear(reshape(h, {2, 8}), x[3], x[4]), ints({2, 0}, {2}));
         }},
    };
}

class GradcheckTable : public testing::TestWithParam<Case> {};

TEST_P(GradcheckTable, BackwardEqualsTheDifferenceQuotient) { EXPECT_EQ(gradcheck(GetParam().f, inputs_of(GetParam())), ""); }

std::string case_name(const testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Unary, GradcheckTable, testing::ValuesIn(unary_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Binary, GradcheckTable, testing::ValuesIn(binary_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Shape, GradcheckTable, testing::ValuesIn(shape_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Reduction, GradcheckTable, testing::ValuesIn(reduction_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Product, GradcheckTable, testing::ValuesIn(product_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Norm, GradcheckTable, testing::ValuesIn(norm_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Pool, GradcheckTable, testing::ValuesIn(pool_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Graph, GradcheckTable, testing::ValuesIn(graph_cases()), case_name);

// y = x^2 with a gradient that is wrong by the given function.
std::string check_wrong(const std::function<double(double)>& wrong) {
    const auto f = [&](const Inputs& x) {
        return make_result("wrong", core::unary(Unary::square, x[0].value()), {x[0]}, [&]() -> GradientFunction {
            return [&wrong, saved = Saved(x[0].value())](const Tensor& dy, const std::vector<GradientRequest>& requests) {
                std::vector<double> v = saved.get().to_vector_double();
                for (double& value : v) value = wrong(value);
                return std::vector<Tensor>{core::binary(Binary::mul, vector_of(v), dy, requests[0].target)};
            };
        });
    };
    return gradcheck(f, {vector_of({1, 2, 3})});
}

TEST(Gradcheck, SeesAWrongGradientAndNamesTheElement) {
    EXPECT_EQ(check_wrong([](double x) { return 2 * x; }), "");
    EXPECT_NE(check_wrong([](double x) { return x == 2 ? 4.001 : 2 * x; }).find("gradcheck: input 0 [3], element 1: backward gives "), std::string::npos);
    EXPECT_NE(check_wrong([](double x) { return x == 3 ? std::nan("") : 2 * x; }).find("element 2: backward gives nan"), std::string::npos);
    EXPECT_NE(check_wrong([](double) { return 0.0; }).find("element 0: backward gives 0, "), std::string::npos);
}

TEST(Gradcheck, WantsFloat64) {
    try {
        gradcheck([](const Inputs& x) { return x[0]; }, {Tensor::zeros({2})});
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "gradcheck: an input is float32 (want float64)");
    }
}

TEST(Gradcheck, AnInputThatIsNotReadHasGradientZero) {
    EXPECT_EQ(gradcheck([](const Inputs& x) { return square(x[0]); }, {vector_of({1, 2}), vector_of({3})}), "");
}

}  // namespace
}  // namespace taper
