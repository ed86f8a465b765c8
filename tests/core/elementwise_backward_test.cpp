// Gradients of element-wise ops: the formula on decoded values in the compute type, rounded once; zeros stay zeros.
#include <cmath>

#include <omp.h>

#include "core/ops_support.h"

namespace taper::tests {
namespace {

using core::binary_backward;
using core::unary_backward;

const Unary unary_list[] = {
#define TAPER_ROW(type, function) Unary::function,
    TAPER_UNARY_OPS(TAPER_ROW)
#undef TAPER_ROW
};
const Binary binary_list[] = {
#define TAPER_ROW(type, function) Binary::function,
    TAPER_BINARY_OPS(TAPER_ROW)
#undef TAPER_ROW
};

struct Mix {
    const char *saved, *dy, *dx;
    bool in_float32;  // the compute type
};

const Mix mixes[] = {{"float32", "float32", "float32", true},        {"posit(8,2)", "posit(8,2)", "posit(8,2)", true}, {"posit(8,2)", "float32", "float32", true},
                     {"fp16", "posit(8,2)", "float32", true},        {"e4m3", "e5m2", "e5m2", true},                   {"bf16", "bf16", "bf16", true},
                     {"fixed(8,4)", "fixed(8,4)", "posit(8,1)", true}, {"posit(16,3)", "posit(8,2)", "posit(8,2)", false}, {"posit(32,2)", "posit(32,2)", "posit(32,2)", false},
                     {"float64", "float64", "float64", false},       {"posit(8,2)", "posit(16,2)", "posit(16,2)", true}};

template <class T>
T grad(Unary op, double v, double a) {
    return visit(op, [&](auto f) { return decltype(f)::template grad<T>(static_cast<T>(v), static_cast<T>(a)); });
}

template <class T>
T grad(Binary op, int operand, double a, double b) {
    return visit(op, [&](auto f) {
        using Op = decltype(f);
        return operand == 0 ? Op::template grad_a<T>(static_cast<T>(a), static_cast<T>(b)) : Op::template grad_b<T>(static_cast<T>(a), static_cast<T>(b));
    });
}

// dy g in the compute type, +0 where it is 0.
double product(bool in_float32, double dy, double float_grad, double double_grad) {
    return in_float32 ? static_cast<double>(static_cast<float>(dy) * static_cast<float>(float_grad) + 0.0f) : dy * double_grad + 0.0;
}

class ElementwiseBackward : public CoreOps {};

TEST_F(ElementwiseBackward, UnaryFollowsItsFormula) {
    for (const Mix& m : mixes) {
        const Format saved = Format::parse(m.saved), dy = Format::parse(m.dy), dx = Format::parse(m.dx);
        const auto v = random_codes(saved, 3000, 1), d = random_codes(dy, 3000, 2);
        const Tensor vt = tensor_of(v, saved), dt = tensor_of(d, dy);
        for (const Unary op : unary_list) {
            const auto got = codes_of(unary_backward(op, saves(op) == Saves::nothing ? Tensor() : vt, dt, 0.25, Output(dx)));
            for (std::size_t i = 0; i < got.size(); ++i) {
                const double x = decode_one(saved, v[i]), gradient = decode_one(dy, d[i]);
                const double want = product(m.in_float32, gradient, grad<float>(op, x, 0.25), grad<double>(op, x, 0.25));
                const bool zeros = want == 0 && decode_one(dx, got[i]) == 0;  // a live unit's -0 stays
                ASSERT_TRUE(zeros || same(dx, got[i], encode_one(dx, want))) << name(op) << " " << m.saved << " " << m.dy << " v " << x << " dy " << gradient << " gave " << decode_one(dx, got[i])
                                                                    << " want " << want;
            }
        }
    }
}

TEST_F(ElementwiseBackward, DeadUnitsGiveExactlyZero) {
    for (const char* saved : {"posit(8,2)", "float32", "e4m3", "fp16", "posit(16,1)", "posit(32,2)"}) {
        for (const char* dy : {"posit(8,2)", "float32", "posit(8,0)", "e5m2,sat", "posit(32,2)"}) {
            const Format f = Format::parse(dy);
            auto d = random_codes(f, 4000, 3);
            const Tensor y = core::unary(Unary::relu, Tensor::from(normal_values(4000, 4), {4000}, Format::parse(saved)));
            const auto dx = codes_of(unary_backward(Unary::relu, y, tensor_of(d, f)));
            const auto values = y.to_vector_double();
            for (std::size_t i = 0; i < d.size(); ++i) {
                if (!std::isfinite(decode_one(f, d[i]))) continue;
                const std::uint64_t want = values[i] > 0 ? encode_one(f, decode_one(f, d[i]) + 0.0) : 0;
                ASSERT_TRUE(dx[i] == want || decode_one(f, dx[i]) == decode_one(f, want)) << saved << " " << dy;
                ASSERT_TRUE(values[i] > 0 || dx[i] == 0) << saved << " " << dy;
            }
        }
    }
}

TEST_F(ElementwiseBackward, ReluOnEveryPairOf8BitCodes) {
    for (const Format& f : formats_of_8_bits()) {
        if (f == Format::parse("e8m0")) continue;  // has no zero
        for (const Format& saved : {f, Format::posit(8, 2), Format::posit(16, 1)}) {
            const auto v = saved.bits() <= 8 ? all_codes(saved) : random_codes(saved, 256, 5), d = all_codes(f);
            std::vector<std::uint64_t> left, right;
            for (const std::uint64_t a : v) {
                for (const std::uint64_t b : d) left.push_back(a), right.push_back(b);
            }
            const auto got = codes_of(unary_backward(Unary::relu, tensor_of(left, saved), tensor_of(right, f)));
            for (std::size_t i = 0; i < got.size(); ++i) {
                const double y = decode_one(saved, left[i]), dy = decode_one(f, right[i]), want = decode_one(f, encode_one(f, dy * (y > 0 ? 1 : 0)));
                const double dx = decode_one(f, got[i]);
                ASSERT_TRUE(dx == want || (std::isnan(dx) && std::isnan(want))) << f.name() << " y " << y << " dy " << dy << " gave " << dx << " want " << want;
            }
        }
    }
}

TEST_F(ElementwiseBackward, BinaryFollowsItsFormulaAndSumsInFloat64) {
    struct Shapes {
        Shape a, b, y;
    };
    const Shapes list[] = {{{40, 30}, {40, 30}, {40, 30}}, {{40, 30}, {30}, {40, 30}}, {{4, 1, 5}, {3, 1}, {4, 3, 5}}, {{}, {7, 7}, {7, 7}}};
    for (const Mix& m : mixes) {
        const Format of_ab = Format::parse(m.saved), of_dy = Format::parse(m.dy), of_dx = Format::parse(m.dx);
        for (const auto& [sa, sb, sy] : list) {
            const Tensor a = Tensor::from(normal_values(static_cast<std::size_t>(sa.elements()), 6), sa, of_ab), b = Tensor::from(normal_values(static_cast<std::size_t>(sb.elements()), 7), sb, of_ab);
            const Tensor dy = Tensor::from(normal_values(static_cast<std::size_t>(sy.elements()), 8), sy, of_dy);
            const auto av = core::broadcast_to(a, sy).to_vector_double(), bv = core::broadcast_to(b, sy).to_vector_double(), d = dy.to_vector_double();
            for (const Binary op : binary_list) {
                for (const int operand : {0, 1}) {
                    const Shape& shape = operand == 0 ? sa : sb;
                    std::vector<double> want(d.size());
                    for (std::size_t i = 0; i < d.size(); ++i) {
                        want[i] = product(m.in_float32, d[i], grad<float>(op, operand, av[i], bv[i]), grad<double>(op, operand, av[i], bv[i]));
                    }
                    const Tensor whole = Tensor::from(want, sy, Format::float64());
                    const Tensor got = binary_backward(op, a, b, dy, operand, shape, Output(of_dx));
                    ASSERT_EQ(got.shape(), shape);
                    EXPECT_EQ(codes_of(got), codes_of(core::sum_to(whole, shape, Output(of_dx)))) << name(op) << operand << " " << m.saved << " " << m.dy << " " << sa.str() << " " << sb.str();
                }
            }
        }
    }
}

TEST_F(ElementwiseBackward, SumsNeedNoOperands) {
    const Tensor dy = Tensor::from({1, 2, 3, 4, 5, 6}, {2, 3}, Format::posit(8, 2));
    EXPECT_EQ(binary_backward(Binary::add, {}, {}, dy, 1, {3}).to_vector(), (std::vector<float>{5, 7, 9}));
    EXPECT_EQ(binary_backward(Binary::sub, {}, {}, dy, 1, {2, 1}).to_vector(), (std::vector<float>{-6, -15}));
    EXPECT_EQ(binary_backward(Binary::sub, {}, {}, dy, 0, {2, 3}, Format::float32()).to_vector(), dy.to_vector());
}

TEST_F(ElementwiseBackward, ErrorsNameTheOpAndWhatCame) {
    const Tensor x = Tensor::zeros({2, 3}), y = Tensor::zeros({3});
    EXPECT_EQ(error_of([&] { unary_backward(Unary::exp, y, x); }), "exp_backward: shapes differ: saved is [3], dy is [2, 3] (want one shape)");
    EXPECT_EQ(error_of([&] { unary_backward(Unary::exp, Tensor(), x); }), "exp_backward: saved holds nothing: an undefined tensor came (want values)");
    EXPECT_EQ(error_of([&] { binary_backward(Binary::mul, x, y, y, 0, {2, 3}); }),
              "mul_backward: shapes do not fit: a is [2, 3], b is [3], dy is [3], operand 0's gradient is [2, 3] (want dy [2, 3] and the operand's shape)");
    EXPECT_EQ(error_of([&] { binary_backward(Binary::mul, x, y, x, 2, {3}); }), "mul_backward: no such operand: 2 (want 0 or 1)");
}

}  // namespace
}  // namespace taper::tests
