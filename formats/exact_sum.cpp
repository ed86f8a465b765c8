#include <taper/formats/exact_sum.h>

#include <algorithm>
#include <cmath>

#include <taper/formats/code.h>
#include <taper/formats/lane.h>

namespace taper {
namespace {

// A finite double is (-1)^negative significand 2^exponent.
struct Parts {
    bool negative;
    std::uint64_t significand;
    int exponent;
};

Parts parts_of(double x) {
    const std::uint64_t u = bits_as<std::uint64_t>(x);
    const int field = static_cast<int>(u >> 52 & 0x7ff);
    const std::uint64_t fraction = u & ((std::uint64_t{1} << 52) - 1);
    return {u >> 63 != 0, field == 0 ? fraction : fraction | std::uint64_t{1} << 52, (field == 0 ? 1 : field) - 1075};
}

int floor_to_limb(int exponent) { return exponent >= 0 ? exponent / 64 * 64 : -((63 - exponent) / 64 * 64); }

}  // namespace

ExactSum::ExactSum(const Format& a, const Format& b) {
    const int products = a.min_exponent() + b.min_exponent();
    lsb_ = floor_to_limb(std::min({products, a.min_exponent(), b.min_exponent()}));
    const int top = std::max({a.max_exponent() + b.max_exponent() + 2, a.max_exponent() + 1, b.max_exponent() + 1}) + 62;
    limbs_.assign(static_cast<std::size_t>((top - lsb_) / 64 + 1), 0);
}

void ExactSum::clear() {
    nan_ = false;
    infinity_ = 0;
    std::fill(limbs_.begin(), limbs_.end(), 0);
}

void ExactSum::add_product(double a, double b) {
    if (!std::isfinite(a) || !std::isfinite(b)) {
        const double product = a * b;
        if (std::isnan(product)) nan_ = true;
        else add_infinity(product < 0);
        return;
    }
    const Parts p = parts_of(a), q = parts_of(b);
    add_shifted(p.negative != q.negative, static_cast<unsigned __int128>(p.significand) * q.significand, p.exponent + q.exponent);
}

void ExactSum::add(double x) {
    if (std::isnan(x)) nan_ = true;
    else if (std::isinf(x)) add_infinity(x < 0);
    else {
        const Parts p = parts_of(x);
        add_shifted(p.negative, p.significand, p.exponent);
    }
}

void ExactSum::add_infinity(bool negative) {
    const int sign = negative ? -1 : 1;
    if (infinity_ == -sign) nan_ = true;
    infinity_ = sign;
}

void ExactSum::grow_below(int exponent) {
    const int lsb = floor_to_limb(exponent);
    limbs_.insert(limbs_.begin(), static_cast<std::size_t>((lsb_ - lsb) / 64), 0);
    lsb_ = lsb;
}

void ExactSum::add_shifted(bool negative, unsigned __int128 magnitude, int exponent) {
    if (magnitude == 0) return;
    // A double has up to 52 zeros at its end: they need no room below the lowest bit.
    while (exponent < lsb_ && (magnitude & 0xff) == 0) {
        magnitude >>= 8;
        exponent += 8;
    }
    while (exponent < lsb_ && (magnitude & 1) == 0) {
        magnitude >>= 1;
        ++exponent;
    }
    if (exponent < lsb_) grow_below(exponent);
    // One limb above the term and the sign stay free of it, so that the carry out of the last limb is a change of sign only.
    const std::size_t first = static_cast<std::size_t>(exponent - lsb_) / 64;
    while (limbs_.size() < first + 4) limbs_.push_back(is_negative(limbs_) ? ~std::uint64_t{0} : 0);
    taper::add_shifted(limbs_, negative, magnitude, exponent - lsb_);
}

std::uint64_t ExactSum::round_to(const Format& format, Rounding mode, std::uint32_t draw) const {
    const auto rounded = [&](const Unpacked& x) { return pack_code(format, x, mode, draw); };
    if (nan_) return rounded(unpacked_nan());
    if (infinity_ != 0) return rounded(unpacked_infinity(infinity_ < 0));
    return rounded(unpacked_from(limbs_, lsb_));
}

std::string ExactSum::text() const {
    if (nan_) return "nan";
    if (infinity_ != 0) return infinity_ < 0 ? "-inf" : "inf";
    return hex_float(limbs_, lsb_);
}

}  // namespace taper
