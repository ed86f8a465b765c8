#include <taper/core/cpu/exact_ops.h>

#include <cmath>

#include <taper/core/cpu/operand.h>
#include <taper/formats/philox.h>

namespace taper {
namespace {

constexpr Unpacked one = {Kind::finite, false, false, 0, std::uint64_t{1} << 63};
constexpr int beyond_every_format = 1 << 20;  // an exponent

long double to_long_double(const Unpacked& x) {
    const long double magnitude = std::ldexp(static_cast<long double>(x.significand), x.exponent - 63);
    return x.negative ? -magnitude : magnitude;
}

// v + d with d tiny, of the sign of `direction` (0: v itself counts as exact); v may have overflowed or underflowed, its true value having not.
Unpacked from_long_double(long double v, int direction) {
    const bool negative = std::signbit(v);
    if (v == 0 || std::isinf(v)) return {Kind::finite, negative, true, v == 0 ? -beyond_every_format : beyond_every_format, std::uint64_t{1} << 63};
    int exponent = 0;
    const long double fraction = std::frexp(std::fabs(v), &exponent);
    Unpacked y = {Kind::finite, negative, direction != 0, exponent - 1, static_cast<std::uint64_t>(std::ldexp(fraction, 64))};
    if (direction != 0 && (direction < 0) != negative) {  // toward zero
        if (y.significand == std::uint64_t{1} << 63) {
            y.significand = ~std::uint64_t{0};
            --y.exponent;
        } else {
            --y.significand;
        }
    }
    return y;
}

int sign(long double x) { return x > 0 ? 1 : -1; }

Unpacked exp_of(const Unpacked& x) {
    if (x.kind == Kind::zero) return one;
    if (x.kind == Kind::infinite) return x.negative ? unpacked_zero(false) : x;
    const long double v = to_long_double(x), y = std::exp(v);
    return from_long_double(y, y == 1 ? sign(v) : 0);
}

Unpacked log_of(const Unpacked& x) {
    if (x.kind == Kind::zero) return unpacked_infinity(true);
    if (x.negative) return unpacked_nan();
    if (x.kind == Kind::infinite) return x;
    const long double v = to_long_double(x);
    return v == 1 ? unpacked_zero(false) : from_long_double(std::log(v), 0);
}

Unpacked tanh_of(const Unpacked& x) {
    if (x.kind == Kind::zero) return x;
    if (x.kind == Kind::infinite) return {Kind::finite, x.negative, false, 0, one.significand};
    const long double v = to_long_double(x), y = std::tanh(v);
    return from_long_double(y, y == v || std::fabs(y) == 1 ? -sign(v) : 0);
}

Unpacked sigmoid_of(const Unpacked& x) {
    if (x.kind == Kind::zero) return {Kind::finite, false, false, -1, one.significand};
    if (x.kind == Kind::infinite) return x.negative ? unpacked_zero(false) : one;
    const long double v = to_long_double(x), e = std::exp(-std::fabs(v));
    const long double y = v > 0 ? 1 / (1 + e) : e / (1 + e);
    return from_long_double(y, y == 1 ? -1 : (y == 0.5L ? sign(v) : 0));
}

double value_order(const Unpacked& x) { return bits_as<double>(Float64{}.pack(x, Rounding::nearest, 0)); }  // exact for every format

template <class Codes>
std::uint64_t load(const Codes* codes, int width, std::int64_t i) {
    std::uint64_t code = 0;
    std::memcpy(&code, at(codes, i, width), static_cast<std::size_t>(width));
    return code;
}

// y[i] = r(result(i)) with the draws of element i, for one block.
template <class Result>
std::size_t store(Tensor& y, const RoundingMode& mode, std::int64_t begin, std::int64_t count, const Result& result) {
    const Format& format = y.format();
    const int width = format.storage_bytes();
    void* codes = y.mutable_data();
    std::size_t lost = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        const std::uint64_t code = pack_element(format, result(i), mode, static_cast<std::uint64_t>(begin + i), lost);
        std::memcpy(at(codes, begin + i, width), &code, static_cast<std::size_t>(width));
    }
    return lost;
}

}  // namespace

Unpacked unpack_double(double x) { return Float64{}.unpack(bits_as<std::uint64_t>(x)); }

std::uint64_t pack_element(const Format& format, const Unpacked& x, const RoundingMode& mode, std::uint64_t index, std::size_t& lost) {
    const bool draws = mode.mode == Rounding::stochastic;
    lost += x.kind == Kind::nan && !format.has_nan() ? 1 : 0;
    return pack_code(format, x, mode.mode, draws ? philox_draw(mode.draws.seed, mode.draws.stream, mode.draws.first_index + index) : 0);
}

Unpacked exact_unary(Unary op, const Unpacked& x, double a) {
    if (x.kind == Kind::nan) return x;
    const bool below_zero = x.negative && x.kind != Kind::zero;
    switch (op) {
        case Unary::neg: return negated(x);
        case Unary::abs: return x.negative ? negated(x) : x;
        case Unary::square: return exact_mul(x, x);
        case Unary::sqrt: return exact_sqrt(x);
        case Unary::reciprocal: return exact_div(one, x);
        case Unary::exp: return exp_of(x);
        case Unary::log: return log_of(x);
        case Unary::tanh: return tanh_of(x);
        case Unary::sigmoid: return sigmoid_of(x);
        case Unary::relu: return below_zero ? unpacked_zero(false) : x;
        case Unary::leaky_relu: return below_zero ? exact_mul(unpack_double(a), x) : x;
        case Unary::scale: return exact_mul(unpack_double(a), x);
    }
    __builtin_unreachable();
}

Unpacked exact_binary(Binary op, const Unpacked& a, const Unpacked& b) {
    if (a.kind == Kind::nan) return a;
    if (b.kind == Kind::nan) return b;
    switch (op) {
        case Binary::add: return exact_add(a, b);
        case Binary::sub: return exact_add(a, negated(b));
        case Binary::mul: return exact_mul(a, b);
        case Binary::div: return exact_div(a, b);
        case Binary::maximum: return value_order(a) >= value_order(b) ? a : b;
        case Binary::minimum: return value_order(a) <= value_order(b) ? a : b;
    }
    __builtin_unreachable();
}

std::size_t exact_unary(Unary op, double a, const Tensor& x, Tensor& y, const RoundingMode& mode) {
    const Format& format = x.format();
    const int width = format.storage_bytes();
    const void* codes = x.data();
    return sum_over_blocks(y.elements(), [&](std::int64_t begin, std::int64_t count) {
        return store(y, mode, begin, count, [&](std::int64_t i) { return exact_unary(op, unpack_code(format, load(codes, width, begin + i)), a); });
    });
}

std::size_t exact_binary(Binary op, const Tensor& a, const Tensor& b, Tensor& y, const RoundingMode& mode) {
    const BroadcastCodes a_codes(a, y.shape()), b_codes(b, y.shape());
    const Format& format = a.format();
    const int width = format.storage_bytes();
    return sum_over_blocks(y.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) unsigned char a_buffer[lane_block * 8], b_buffer[lane_block * 8];
        const void* left = a_codes.read(begin, count, a_buffer);
        const void* right = b_codes.read(begin, count, b_buffer);
        return store(y, mode, begin, count, [&](std::int64_t i) {
            return exact_binary(op, unpack_code(format, load(left, width, i)), unpack_code(format, load(right, width, i)));
        });
    });
}

}  // namespace taper
