#include <taper/core/cpu/rounded_operation.h>

#include <algorithm>
#include <cmath>

#include <taper/core/cpu/exact_ops.h>
#include <taper/core/cpu/operand.h>

namespace taper {
namespace {

// Beyond it float64 may leave its range in a product with a value of a format, or in the error of that product.
constexpr int factor_exponent = 400;

bool in_range(double a) { return a == 0 || !std::isfinite(a) || std::abs(std::ilogb(a)) <= factor_exponent; }

}  // namespace

// Float64 rounded to odd serves targets of at most 32 bits and operands of any format but float64; float64's own rounding serves itself.
RoundedOperation::RoundedOperation(const Format& out, const RoundingMode& mode, int significand) : out_(out), mode_(mode) {
    const bool to_float64 = out == Format::float64();
    if (mode.mode == Rounding::nearest)
        lanes_ = to_float64 || significand < 53;
    else if (mode.mode == Rounding::zero)
        lanes_ = !to_float64 && significand < 53;
    exact_products_ = 2 * significand <= 53;
    loops_ = to_float64 ? &elementwise_kernels().float64 : &elementwise_kernels().odd;
}

template <class Result>
std::size_t RoundedOperation::one_by_one(const Block& block, const Result& result, double* y) const {
    std::size_t lost = 0;
    for (std::int64_t i = 0; i < block.count; ++i)
        y[i] = decode_one(out_, pack_element(out_, result(i), mode_, static_cast<std::uint64_t>(block.begin + i), lost));
    return lost;
}

std::size_t RoundedOperation::round(const Block& block, const double* unrounded, double* y) const {
    alignas(64) unsigned char codes[lane_block * sizeof(double)];
    const std::size_t n = static_cast<std::size_t>(block.count), lost = encode(out_, unrounded, n, codes, mode_);
    decode(out_, codes, n, y);
    return lost;
}

std::size_t RoundedOperation::scale(const Block& block, double a, const double* x, double* y) const {
    if (!lanes_ || !in_range(a))
        return one_by_one(
            block, [&](std::int64_t i) { return exact_mul(unpack_double(a), unpack_double(x[i])); }, y);
    alignas(64) double unrounded[lane_block];
    loops_->unary[static_cast<int>(Unary::scale)](x, a, unrounded, static_cast<std::size_t>(block.count));
    return round(block, unrounded, y);
}

std::size_t RoundedOperation::binary(Binary op, const Block& block, const double* x, const double* b, double* y) const {
    if (!lanes_)
        return one_by_one(
            block, [&](std::int64_t i) { return exact_binary(op, unpack_double(x[i]), unpack_double(b[i])); }, y);
    alignas(64) double unrounded[lane_block];
    loops_->binary[static_cast<int>(op)](x, b, unrounded, static_cast<std::size_t>(block.count));
    return round(block, unrounded, y);
}

std::size_t RoundedOperation::sqrt(const Block& block, const double* x, double* y) const {
    if (!lanes_)
        return one_by_one(
            block, [&](std::int64_t i) { return exact_unary(Unary::sqrt, unpack_double(x[i]), 0); }, y);
    alignas(64) double unrounded[lane_block];
    loops_->unary[static_cast<int>(Unary::sqrt)](x, 0, unrounded, static_cast<std::size_t>(block.count));
    return round(block, unrounded, y);
}

std::size_t RoundedOperation::multiply_add(const Block& block, double a, const double* x, const double* b, double* y) const {
    if (!lanes_ || !exact_products_)
        return one_by_one(
            block, [&](std::int64_t i) { return exact_fma(unpack_double(a), unpack_double(x[i]), unpack_double(b[i])); }, y);
    alignas(64) double products[lane_block];
    elementwise_kernels().float64.unary[static_cast<int>(Unary::scale)](x, a, products, static_cast<std::size_t>(block.count));
    return add(block, products, b, y);
}

std::size_t RoundedOperation::multiply_add(const Block& block, const double* x, const double* z, const double* b, double* y) const {
    if (!lanes_ || !exact_products_)
        return one_by_one(
            block, [&](std::int64_t i) { return exact_fma(unpack_double(x[i]), unpack_double(z[i]), unpack_double(b[i])); }, y);
    alignas(64) double products[lane_block];
    elementwise_kernels().float64.binary[static_cast<int>(Binary::mul)](x, z, products, static_cast<std::size_t>(block.count));
    return add(block, products, b, y);
}

}  // namespace taper
