// Element-wise ops: every op of the list, every sample format, against one number at a time rounded once.
#include <cmath>

#include <omp.h>

#include "core/ops_support.h"
#include "support/exact_reference.h"

namespace taper::tests {
namespace {

using core::binary;
using core::unary;

const Binary binary_list[] = {
#define TAPER_ROW(type, function) Binary::function,
    TAPER_BINARY_OPS(TAPER_ROW)
#undef TAPER_ROW
};
const Unary unary_list[] = {
#define TAPER_ROW(type, function) Unary::function,
    TAPER_UNARY_OPS(TAPER_ROW)
#undef TAPER_ROW
};

bool is_transcendental(Unary op) { return op == Unary::exp || op == Unary::log || op == Unary::tanh || op == Unary::sigmoid; }

Number expected(Binary op, const Number& a, const Number& b, Rounding mode = Rounding::nearest, std::uint32_t draw = 0) {
    switch (op) {
        case Binary::add: return add(a, b, mode, draw);
        case Binary::sub: return sub(a, b, mode, draw);
        case Binary::mul: return mul(a, b, mode, draw);
        case Binary::div: return div(a, b, mode, draw);
        default: break;
    }
    const bool first = a.is_nan() || (!b.is_nan() && (op == Binary::maximum ? a.value() >= b.value() : a.value() <= b.value()));
    return (first ? a : b).to(a.format());  // an infinity saturates where the format says so
}

// y = r(op(x, a)) by exact rationals; exp and its like from long double.
class UnaryReference {
  public:
    UnaryReference(Unary op, double a, const Format& in, const Format& out) : op_(op), a_(exact(a)), in_(in.name()), out_(out.name()) {}

    std::uint64_t code(std::uint64_t x_code, RefMode mode) const {
        const Exact x = in_.decode(x_code);
        if (x.kind == Exact::nan) return out_.round(x, mode);
        const bool below = x.negative && (x.kind == Exact::infinite || x.magnitude != 0);
        switch (op_) {
            case Unary::neg: return out_.round(negated(x), mode);
            case Unary::abs: return out_.round(x.negative ? negated(x) : x, mode);
            case Unary::square: return out_.round(exact_mul(x, x), mode);
            case Unary::sqrt: return out_.round_sqrt(x);
            case Unary::reciprocal: return out_.round(exact_div(exact(1), x), mode);
            case Unary::relu: return out_.round(below ? exact(0) : x, mode);
            case Unary::leaky_relu: return out_.round(below ? exact_mul(a_, x) : x, mode);
            case Unary::scale: return out_.round(exact_mul(a_, x), mode);
            default: return out_.round(transcendental(x, 0), mode);
        }
    }
    // Does the long double value decide the rounding of the true one?
    bool is_decided(std::uint64_t x_code, RefMode mode) const {
        const Exact x = in_.decode(x_code);
        return x.kind == Exact::nan || out_.round(transcendental(x, -1), mode) == out_.round(transcendental(x, 1), mode);
    }
    bool is_nan(std::uint64_t code) const { return out_.is_nan(code); }

  private:
    static Exact from(long double v, int side) {
        if (std::isnan(v) || std::isinf(v)) return {std::isnan(v) ? Exact::nan : Exact::infinite, std::signbit(v), 0};
        int exponent = 0;
        const long double fraction = std::frexp(std::fabs(v), &exponent);
        const std::uint64_t bits = static_cast<std::uint64_t>(std::ldexp(fraction, 64));
        mpq_class magnitude = mpq_class(mpz_class(std::to_string(bits))) * power_of_two(exponent - 64);
        return {Exact::finite, std::signbit(v), magnitude * (1 + side * power_of_two(-61))};
    }
    Exact transcendental(const Exact& x, int side) const {
        const bool finite = x.kind == Exact::finite;
        long double v = finite ? static_cast<long double>(x.magnitude.get_d()) : INFINITY;
        v = x.negative ? -v : v;
        if (op_ == Unary::log) return from(std::log(v), side);
        if (op_ == Unary::tanh) return from(std::tanh(v), v == 0 ? 0 : side);
        const long double e = std::exp(v), y = op_ == Unary::exp ? e : (v > 0 ? 1 / (1 + std::exp(-v)) : e / (1 + e));
        if (finite && std::isinf(y)) return {Exact::finite, false, power_of_two(20000)};
        if (finite && y == 0) return {Exact::finite, false, power_of_two(-20000)};
        return from(y, v == 0 ? 0 : side);
    }

    Unary op_;
    Exact a_;
    Reference in_, out_;
};

class Elementwise : public CoreOps {};

TEST_F(Elementwise, BinaryOpsAreCorrectlyRoundedOnAllPairsOf8Bits) {
    for (const Format& f : formats_of_8_bits()) {
        const auto codes = all_codes(f);
        const std::int64_t n = static_cast<std::int64_t>(codes.size());
        const Tensor rows = Tensor::from_codes(codes, {n, 1}, f), columns = Tensor::from_codes(codes, {1, n}, f);
        for (const Binary op : binary_list) {
            const auto got = codes_of(binary(op, rows, columns));
            for (std::size_t i = 0; i < got.size(); ++i) {
                const Number a(f, i / codes.size()), b(f, i % codes.size());
                ASSERT_TRUE(same(f, got[i], expected(op, a, b).code())) << name(op) << " " << f.name() << " " << a.hex() << " " << b.hex();
            }
        }
    }
}

// b is random, a small step from a or -a, or a code of nearly the same magnitude.
std::vector<std::uint64_t> partners(const Format& f, const std::vector<std::uint64_t>& a, std::uint64_t seed) {
    std::vector<std::uint64_t> b = random_codes(f, a.size(), seed);
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (i % 4 == 1) b[i] = (a[i] + i % 7) & code_mask(f);
        if (i % 4 == 2) b[i] = (~a[i] + i % 7) & code_mask(f);
        if (i % 4 == 3) b[i] = (a[i] ^ (b[i] & (code_mask(f) >> (i % 16)))) & code_mask(f);
    }
    return b;
}

TEST_F(Elementwise, BinaryOpsAreCorrectlyRoundedInWiderFormats) {
    for (const Format& f : wider_formats()) {
        const auto a = random_codes(f, 20000, 1), b = partners(f, a, 2);
        const Tensor at = tensor_of(a, f), bt = tensor_of(b, f);
        for (const Binary op : binary_list) {
            const auto got = codes_of(binary(op, at, bt));
            for (std::size_t i = 0; i < got.size(); ++i) {
                const Number want = expected(op, Number(f, a[i]), Number(f, b[i]));
                ASSERT_TRUE(same(f, got[i], want.code())) << name(op) << " " << f.name() << " " << Number(f, a[i]).hex() << " " << Number(f, b[i]).hex() << " gave "
                                                          << Number(f, got[i]).hex() << " want " << want.hex();
            }
        }
    }
}

TEST_F(Elementwise, BinaryOpsRoundOnceTowardZeroAndIntoOtherFormats) {
    const auto formats = parse_all({"posit(8,2)", "fp16", "bf16", "posit(16,2)", "posit(16,4)", "e4m3", "float32", "fixed(16,8)", "posit(32,2)", "posit(8,2,underflow)"});
    for (const Format& in : formats) {
        const Reference from(in.name());
        const auto a = random_codes(in, 80, 3), b = partners(in, a, 4);
        for (const Format& out : formats) {
            const Reference into(out.name());
            for (const Rounding mode : {Rounding::nearest, Rounding::zero}) {
                if (mode == Rounding::nearest && in == out) continue;
                for (const Binary op : {Binary::add, Binary::sub, Binary::mul, Binary::div}) {
                    const auto got = codes_of(binary(op, tensor_of(a, in), tensor_of(b, in), Target(out, mode)));
                    for (std::size_t i = 0; i < got.size(); ++i) {
                        const Exact x = from.decode(a[i]), y = from.decode(b[i]);
                        const Exact exact = op == Binary::add ? exact_add(x, y) : op == Binary::sub ? exact_add(x, negated(y)) : op == Binary::mul ? exact_mul(x, y) : exact_div(x, y);
                        const std::uint64_t want = into.round(exact, mode == Rounding::zero ? RefMode::zero : RefMode::nearest);
                        ASSERT_TRUE(same(out, got[i], want)) << name(op) << " " << in.name() << " -> " << out.name() << " " << name(mode) << " " << Number(in, a[i]).hex() << " "
                                                             << Number(in, b[i]).hex() << " gave " << Number(out, got[i]).hex() << " want " << Number(out, want).hex();
                    }
                }
            }
        }
    }
}

TEST_F(Elementwise, Float64IsTheHosts) {
    const Format f = Format::float64();
    const auto a = random_codes(f, 5000, 5), b = partners(f, a, 6);
    for (const Binary op : binary_list) {
        const auto got = codes_of(binary(op, tensor_of(a, f), tensor_of(b, f)));
        for (std::size_t i = 0; i < got.size(); ++i) {
            const double x = Number(f, a[i]).value(), y = Number(f, b[i]).value();
            const double want = visit(op, [&](auto o) { return decltype(o)::forward(x, y); });
            ASSERT_TRUE(same(f, got[i], bits_as<std::uint64_t>(want))) << name(op) << " " << x << " " << y;
        }
    }
}

TEST_F(Elementwise, UnaryOpsAreCorrectlyRounded) {
    for (const auto& list : {formats_of_8_bits(), wider_formats()}) {
        for (const Format& f : list) {
            auto codes = f.bits() <= 8 ? all_codes(f) : random_codes(f, 150, 8);
            for (const Unary op : unary_list) {
                if (is_transcendental(op)) continue;
                for (const double a : op == Unary::scale || op == Unary::leaky_relu ? std::vector<double>{0.5, 0.1, 3, 1.75e-3} : std::vector<double>{0}) {
                    const UnaryReference reference(op, a, f, f);
                    const auto got = codes_of(unary(op, tensor_of(codes, f), a));
                    for (std::size_t i = 0; i < got.size(); ++i) {
                        const std::uint64_t want = reference.code(codes[i], RefMode::nearest);
                        ASSERT_TRUE(same(f, got[i], want)) << name(op) << " " << a << " " << Number(f, codes[i]).hex() << " in " << f.name() << " gave " << Number(f, got[i]).hex()
                                                           << " want " << Number(f, want).hex();
                    }
                }
            }
        }
    }
}

TEST_F(Elementwise, UnaryOpsAreCorrectlyRoundedOnAllCodesOf16Bits) {
    for (const Format& f : wider_formats()) {
        if (f.bits() > 16) continue;
        const auto codes = all_codes(f);
        const Tensor x = tensor_of(codes, f);
        const auto squares = codes_of(unary(Unary::square, x)), roots = codes_of(unary(Unary::sqrt, x)), inverses = codes_of(unary(Unary::reciprocal, x));
        const Number one = Number::from(1, f);
        for (std::size_t i = 0; i < codes.size(); ++i) {
            const Number v(f, codes[i]);
            ASSERT_TRUE(same(f, squares[i], mul(v, v).code())) << f.name() << " " << v.hex();
            ASSERT_TRUE(same(f, roots[i], sqrt(v).code())) << f.name() << " " << v.hex();
            ASSERT_TRUE(one.value() != 1 || same(f, inverses[i], div(one, v).code())) << f.name() << " " << v.hex();
        }
    }
}

TEST_F(Elementwise, UnaryOpsRoundOnceTowardZeroAndIntoOtherFormats) {
    const auto formats = parse_all({"posit(8,2)", "e4m3", "fp16", "posit(16,2)", "float32", "fixed(16,8)", "posit(32,2)"});
    for (const Format& in : formats) {
        const auto codes = random_codes(in, 50, 9);
        for (const Format& out : formats) {
            for (const Rounding mode : {Rounding::nearest, Rounding::zero}) {
                for (const Unary op : unary_list) {
                    if ((is_transcendental(op) && in.bits() > 8) || (op == Unary::sqrt && mode == Rounding::zero)) continue;
                    const UnaryReference reference(op, 0.3, in, out);
                    const RefMode ref_mode = mode == Rounding::zero ? RefMode::zero : RefMode::nearest;
                    const auto got = codes_of(unary(op, tensor_of(codes, in), 0.3, Target(out, mode)));
                    for (std::size_t i = 0; i < got.size(); ++i) {
                        if (is_transcendental(op) && !reference.is_decided(codes[i], ref_mode)) continue;  // tanh(tiny) toward zero: below
                        const std::uint64_t want = reference.code(codes[i], ref_mode);
                        ASSERT_TRUE(same(out, got[i], want)) << name(op) << " " << in.name() << " -> " << out.name() << " " << name(mode) << " " << Number(in, codes[i]).hex()
                                                             << " gave " << Number(out, got[i]).hex() << " want " << Number(out, want).hex();
                    }
                }
            }
        }
    }
}

TEST_F(Elementwise, TranscendentalsAreCorrectOn8Bits) {
    for (const Format& f : formats_of_8_bits()) {
        const auto codes = all_codes(f);
        for (const Unary op : unary_list) {
            if (!is_transcendental(op)) continue;
            const UnaryReference reference(op, 0, f, f);
            const auto got = codes_of(unary(op, tensor_of(codes, f)));
            for (std::size_t i = 0; i < codes.size(); ++i) {
                ASSERT_TRUE(reference.is_decided(codes[i], RefMode::nearest)) << "long double leaves open " << name(op) << " " << f.name() << " " << i;
                ASSERT_TRUE(same(f, got[i], reference.code(codes[i], RefMode::nearest))) << name(op) << " " << f.name() << " " << Number(f, i).hex();
            }
        }
    }
}

// The true tanh(x) lies below x, exp(x) above 1: toward zero, and where x itself is a decision point, that decides.
TEST_F(Elementwise, TablesKnowOnWhichSideTheTruthLies) {
    const Format p8 = Format::posit(8, 4), p8b = Format::posit(8, 2);
    const double tiny = std::ldexp(1.0, -60);
    const Tensor x = Tensor::from(std::vector<double>{tiny, -tiny}, {2}, p8);
    const Target down(Format::float64(), Rounding::zero);
    EXPECT_EQ(unary(Unary::tanh, x, 0, down).to_vector_double(), (std::vector<double>{std::nextafter(tiny, 0), -std::nextafter(tiny, 0)}));
    EXPECT_EQ(unary(Unary::exp, x, 0, down).to_vector_double(), (std::vector<double>{1, std::nextafter(1, 0)}));
    EXPECT_EQ(unary(Unary::sigmoid, x, 0, down).to_vector_double(), (std::vector<double>{0.5, std::nextafter(0.5, 0)}));
    const Tensor wide = Tensor::from(std::vector<double>{std::ldexp(1.0, 24), -std::ldexp(1.0, 24)}, {2}, p8b);
    EXPECT_EQ(unary(Unary::exp, wide).to_vector_double(), (std::vector<double>{p8b.max(), p8b.min_positive()}));  // neither NaR nor 0
    EXPECT_EQ(unary(Unary::exp, wide.to(Format::posit(16, 2))).to_vector_double(), (std::vector<double>{Format::posit(16, 2).max(), Format::posit(16, 2).min_positive()}));
}

TEST_F(Elementwise, TranscendentalsAreWithinOneCodeInWiderFormats) {
    for (const Format& f : wider_formats()) {
        const auto codes = random_codes(f, 300, 10);
        for (const Unary op : unary_list) {
            if (!is_transcendental(op)) continue;
            const UnaryReference reference(op, 0, f, f);
            const auto got = codes_of(unary(op, tensor_of(codes, f)));
            for (std::size_t i = 0; i < codes.size(); ++i) {
                const std::uint64_t want = reference.code(codes[i], RefMode::nearest);
                const std::int64_t apart = static_cast<std::int64_t>(got[i]) - static_cast<std::int64_t>(want);
                ASSERT_TRUE(same(f, got[i], want) || std::abs(apart) <= 1) << name(op) << " " << f.name() << " " << Number(f, codes[i]).hex() << " gave " << Number(f, got[i]).hex()
                                                                           << " want " << Number(f, want).hex();
            }
        }
    }
}

TEST_F(Elementwise, StochasticResultsAreOneRoundingOfTheExactOne) {
    for (const char* text : {"posit(8,2)", "e4m3", "fp16", "posit(16,1)", "float32", "fixed(8,4)"}) {
        const Format f = Format::parse(text);
        const auto a = random_codes(f, 3000, 11), b = partners(f, a, 12);
        for (const Binary op : {Binary::add, Binary::sub, Binary::mul, Binary::div}) {
            const NextDraws draws;
            const auto got = codes_of(binary(op, tensor_of(a, f), tensor_of(b, f), Target(f, Rounding::stochastic)));
            for (std::size_t i = 0; i < got.size(); ++i) {
                ASSERT_TRUE(same(f, got[i], expected(op, Number(f, a[i]), Number(f, b[i]), Rounding::stochastic, draws[i]).code())) << name(op) << " " << text << " " << i;
            }
        }
        const NextDraws draws;
        const auto got = codes_of(unary(Unary::sqrt, tensor_of(a, f), 0, Target(f, Rounding::stochastic)));
        for (std::size_t i = 0; i < got.size(); ++i) ASSERT_TRUE(same(f, got[i], sqrt(Number(f, a[i]), Rounding::stochastic, draws[i]).code())) << text << " " << i;
    }
}

TEST_F(Elementwise, BroadcastsLikeNumPy) {
    const Shape shapes[][3] = {{{2, 3, 4}, {4}, {2, 3, 4}}, {{2, 3, 4}, {3, 1}, {2, 3, 4}}, {{2, 1, 4}, {1, 3, 1}, {2, 3, 4}}, {{}, {5}, {5}}, {{7, 1, 1, 2}, {3, 1, 2}, {7, 3, 1, 2}},
                               {{3, 40, 50}, {40, 1}, {3, 40, 50}}, {{1, 1}, {1}, {1, 1}}};
    for (const auto& [sa, sb, sy] : shapes) {
        for (const char* text : {"float32", "posit(8,2)", "posit(32,2)", "float64"}) {
            const Format f = Format::parse(text);
            const Tensor a = Tensor::from(normal_values(static_cast<std::size_t>(sa.elements()), 13), sa, f);
            const Tensor b = Tensor::from(normal_values(static_cast<std::size_t>(sb.elements()), 14), sb, f);
            const Tensor y = binary(Binary::sub, a, b);
            ASSERT_EQ(y.shape(), sy);
            const Tensor whole = binary(Binary::sub, core::broadcast_to(a, sy), core::broadcast_to(b, sy));
            EXPECT_EQ(y.codes(), whole.codes()) << sa.str() << " " << sb.str() << " " << text;
        }
    }
}

TEST_F(Elementwise, ResultsDoNotDependOnThreads) {
    for (const char* text : {"posit(8,2)", "posit(16,1)", "float32", "posit(32,2)", "fixed(8,4)"}) {
        const Format f = Format::parse(text);
        const Tensor a = tensor_of(random_codes(f, 100003, 15), f), b = tensor_of(random_codes(f, 100003, 16), f);
        for (const Rounding mode : {Rounding::nearest, Rounding::stochastic}) {
            std::vector<std::uint64_t> results[2];
            for (const int threads : {1, 2}) {
                omp_set_num_threads(threads);
                seed(3);
                for (const Tensor& y : {binary(Binary::mul, a, b, Target(f, mode)), unary(Unary::sigmoid, a, 0, Target(f, mode)), unary(Unary::relu, a, 0, Target(f, mode))}) {
                    for (const std::uint64_t code : codes_of(y)) results[threads - 1].push_back(code);
                }
            }
            EXPECT_EQ(results[0], results[1]) << text;
        }
    }
}

TEST_F(Elementwise, NanWithoutACodeIsCounted) {
    const Format f = Format::fixed(8, 4);
    const Tensor zero = Tensor::zeros({3}, f);
    const Tensor y = binary(Binary::div, zero, zero);
    EXPECT_NE(error_of([&] { y.to_vector(); }).find("NaN met a format without a code for it and became 0: 3 since the last report"), std::string::npos);
    EXPECT_EQ(y.to_vector(), (std::vector<float>{0, 0, 0}));
    EXPECT_EQ(unary(Unary::reciprocal, zero).to_vector(), (std::vector<float>{7.9375f, 7.9375f, 7.9375f}));
    const Tensor lost = unary(Unary::sqrt, Tensor::from({-1.f, 4.f}, {2}, f));
    EXPECT_NE(error_of([&] { lost.to_vector(); }).find("became 0: 1 since"), std::string::npos);
}

TEST_F(Elementwise, ErrorsNameTheOpAndWhatCame) {
    const Tensor p8 = Tensor::zeros({2, 3}, Format::posit(8, 2)), f32 = Tensor::zeros({2, 3}), labels = Tensor::zeros({2}, Format::int32());
    EXPECT_EQ(error_of([&] { binary(Binary::add, p8, f32); }), "add: formats differ: a is posit(8,2), b is float32 (want one format; to(format) converts)");
    EXPECT_EQ(error_of([&] { unary(Unary::exp, labels); }), "exp: no arithmetic on indices: x is int32 (want a number format)");
    EXPECT_EQ(error_of([&] { unary(Unary::exp, f32, 0, Format::int32()); }), "exp: no arithmetic on indices: the output is int32 (want a number format)");
    EXPECT_EQ(error_of([&] { unary(Unary::neg, Tensor()); }), "neg: x holds nothing: an undefined tensor came (want values)");
    EXPECT_EQ(error_of([&] { unary(Unary::leaky_relu, f32); }), "leaky_relu: the slope is not positive: 0 (want leaky_relu(x, slope), slope > 0)");
    EXPECT_NE(error_of([&] { binary(Binary::mul, f32, Tensor::zeros({4})); }).find("mul"), std::string::npos);
    EXPECT_EQ(unary(Unary::exp, Tensor::zeros({0, 3})).shape(), (Shape{0, 3}));
}

}  // namespace
}  // namespace taper::tests
