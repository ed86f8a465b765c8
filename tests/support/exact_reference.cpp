#include "support/exact_reference.h"

#include <cmath>
#include <cstdio>
#include <stdexcept>

namespace taper::tests {
namespace {

// The value of a positive posit code by reading its fields bit by bit.
mpq_class posit_value(std::uint64_t code, int n, int es) {
    int at = n - 2;
    const auto bit = [&](int i) { return i >= 0 ? static_cast<int>(code >> i & 1) : 0; };
    const int first = bit(at);
    int run = 0;
    while (at >= 0 && bit(at) == first) {
        ++run;
        --at;
    }
    --at;
    const int k = first == 1 ? run - 1 : -run;
    int exponent = k * (1 << es);
    for (int i = es - 1; i >= 0; --i) exponent += bit(at--) << i;
    mpz_class significand = 1;
    for (; at >= 0; --at, --exponent) significand = 2 * significand + bit(at);
    return mpq_class(significand) * power_of_two(exponent);
}

}  // namespace

mpq_class power_of_two(int e) {
    const auto places = static_cast<mp_bitcnt_t>(std::abs(e));
    mpq_class p = 1;
    return e >= 0 ? mpq_class(p << places) : mpq_class(p >> places);
}

Exact exact(double x) {
    if (std::isnan(x)) return {Exact::nan, false, 0};
    if (std::isinf(x)) return {Exact::infinite, x < 0, 0};
    return {Exact::finite, std::signbit(x), mpq_class(std::fabs(x))};
}

Exact negated(Exact a) {
    a.negative = !a.negative;
    return a;
}

Exact exact_add(const Exact& a, const Exact& b) {
    if (a.kind == Exact::nan || b.kind == Exact::nan) return {Exact::nan, false, 0};
    if (a.kind == Exact::infinite && b.kind == Exact::infinite) return a.negative == b.negative ? a : Exact{Exact::nan, false, 0};
    if (a.kind == Exact::infinite) return a;
    if (b.kind == Exact::infinite) return b;
    const mpq_class sum = (a.negative ? -a.magnitude : a.magnitude) + (b.negative ? -b.magnitude : b.magnitude);
    if (sum == 0) return {Exact::finite, a.negative && b.negative, 0};
    return {Exact::finite, sum < 0, abs(sum)};
}

Exact exact_mul(const Exact& a, const Exact& b) {
    const bool negative = a.negative != b.negative;
    if (a.kind == Exact::nan || b.kind == Exact::nan) return {Exact::nan, false, 0};
    if (a.kind == Exact::finite && b.kind == Exact::finite) return {Exact::finite, negative, a.magnitude * b.magnitude};
    const bool zero = (a.kind == Exact::finite && a.magnitude == 0) || (b.kind == Exact::finite && b.magnitude == 0);
    return {zero ? Exact::nan : Exact::infinite, negative, 0};
}

Exact exact_div(const Exact& a, const Exact& b) {
    const bool negative = a.negative != b.negative;
    if (a.kind == Exact::nan || b.kind == Exact::nan) return {Exact::nan, false, 0};
    if (a.kind == Exact::infinite) return {b.kind == Exact::infinite ? Exact::nan : Exact::infinite, negative, 0};
    if (b.kind == Exact::infinite) return {Exact::finite, negative, 0};
    if (b.magnitude == 0) return {a.magnitude == 0 ? Exact::nan : Exact::infinite, negative, 0};
    return {Exact::finite, negative, a.magnitude / b.magnitude};
}

Reference::Reference(const std::string& full_name) {
    const std::size_t star = full_name.find('*');
    if (star != std::string::npos) scale_ = mpq_class(std::stod(full_name.substr(star + 1)));
    const std::string name = full_name.substr(0, star);
    const std::size_t comma = name.rfind(",sat");
    option_ = comma != std::string::npos;
    const std::string base = name.substr(0, comma);
    struct Known {
        const char* name;
        int e, m;
        Special special;
    };
    static const Known known[] = {{"float32", 8, 23, Special::ieee}, {"float64", 11, 52, Special::ieee}, {"fp16", 5, 10, Special::ieee},
                                  {"bf16", 8, 7, Special::ieee},     {"e5m2", 5, 2, Special::ieee},      {"e4m3", 4, 3, Special::fn},
                                  {"e3m2", 3, 2, Special::finite},   {"e2m3", 2, 3, Special::finite},    {"e2m1", 2, 1, Special::finite},
                                  {"e4m3fnuz", 4, 3, Special::fnuz}, {"e5m2fnuz", 5, 2, Special::fnuz}};
    if (std::sscanf(base.c_str(), "posit(%d,%d", &a_, &b_) == 2) {
        family_ = Family::posit;
        bits_ = a_;
        option_ = base.find("underflow") != std::string::npos;
    } else if (std::sscanf(base.c_str(), "fixed(%d,%d", &a_, &b_) == 2) {
        family_ = Family::fixed;
        bits_ = a_;
        option_ = base.find("symmetric") != std::string::npos;
    } else if (base == "e8m0") {
        family_ = Family::e8m0;
        bits_ = 8;
    } else {
        family_ = Family::floating;
        if (std::sscanf(base.c_str(), "float(%d,%d)", &a_, &b_) != 2) {
            for (const Known& k : known) {
                if (base != k.name) continue;
                a_ = k.e;
                b_ = k.m;
                special_ = k.special;
            }
        }
        if (a_ == 0) throw std::runtime_error("reference: unknown format " + name);
        bits_ = 1 + a_ + b_;
        bias_ = (1 << (a_ - 1)) - (special_ == Special::fnuz ? 0 : 1);
    }
    if (bits_ <= 12) {
        for (std::uint64_t code = 0; code <= max_magnitude(true) + 1 && code < (std::uint64_t{1} << bits_); ++code) values_.push_back(value(code));
        for (std::uint64_t code = 0; code < max_magnitude(true); ++code) decisions_.push_back(decision(code));
    }
}

mpq_class Reference::value(std::uint64_t code) const {
    if (code < values_.size()) return values_[code];
    switch (family_) {
        case Family::posit: return code == 0 ? mpq_class(0) : posit_value(code, a_, b_);
        case Family::fixed: return mpq_class(mpz_class(static_cast<unsigned long>(code))) * power_of_two(-b_);
        case Family::e8m0: return power_of_two(static_cast<int>(code) - 127);
        default: break;
    }
    const std::uint64_t field = code >> b_, fraction = code & ((std::uint64_t{1} << b_) - 1);
    const mpq_class part = mpq_class(mpz_class(static_cast<unsigned long>(fraction))) * power_of_two(-b_);
    return field == 0 ? mpq_class(part * power_of_two(1 - bias_)) : mpq_class((1 + part) * power_of_two(static_cast<int>(field) - bias_));
}

std::uint64_t Reference::max_magnitude(bool negative) const {
    const std::uint64_t half = std::uint64_t{1} << (bits_ - 1);
    switch (family_) {
        case Family::posit: return half - 1;
        case Family::fixed: return negative && !option_ ? half : half - 1;
        case Family::e8m0: return 254;
        default: break;
    }
    if (special_ == Special::ieee) return half - (std::uint64_t{1} << b_) - 1;
    return special_ == Special::fn ? half - 2 : half - 1;
}

std::uint64_t Reference::with_sign(std::uint64_t magnitude, bool negative) const {
    const std::uint64_t half = std::uint64_t{1} << (bits_ - 1);
    if (!negative) return magnitude;
    if (family_ == Family::floating) return special_ == Special::fnuz && (magnitude == 0 || magnitude == half) ? magnitude : magnitude | half;
    return (~magnitude + 1) & (2 * half - 1);
}

Exact Reference::decode(std::uint64_t code) const {
    Exact x = decode_element(code);
    x.magnitude *= scale_;
    return x;
}

Exact Reference::decode_element(std::uint64_t code) const {
    const std::uint64_t half = std::uint64_t{1} << (bits_ - 1);
    if (family_ == Family::e8m0) return code == 255 ? Exact{Exact::nan, false, 0} : Exact{Exact::finite, false, value(code)};
    const bool negative = (code & half) != 0;
    if (family_ == Family::floating) {
        const std::uint64_t magnitude = code & (half - 1);
        if (special_ == Special::fnuz && code == half) return {Exact::nan, false, 0};
        if (magnitude <= max_magnitude(negative)) return {Exact::finite, negative, value(magnitude)};
        const bool infinite = special_ == Special::ieee && magnitude == max_magnitude(false) + 1;
        return {infinite ? Exact::infinite : Exact::nan, negative, 0};
    }
    if (family_ == Family::posit && code == half) return {Exact::nan, false, 0};
    const std::uint64_t magnitude = negative ? (~code + 1) & (2 * half - 1) : code;
    return {Exact::finite, negative, value(magnitude)};
}

mpq_class Reference::decision(std::uint64_t low) const {
    if (family_ == Family::posit) return posit_value(2 * low + 1, a_ + 1, b_);
    return (value(low) + value(low + 1)) / 2;
}

mpq_class Reference::overflow_threshold() const {
    const std::uint64_t top = max_magnitude(false);
    return value(top) + (value(top) - value(top - 1)) / 2;
}

std::uint64_t Reference::overflow(bool negative) const {
    const std::uint64_t top = max_magnitude(negative);
    if (family_ != Family::floating || option_ || special_ == Special::finite) return with_sign(top, negative);
    if (special_ == Special::fnuz) return std::uint64_t{1} << (bits_ - 1);
    return with_sign(top + 1, negative);
}

std::uint64_t Reference::floor_code(const std::function<int(const mpq_class&)>& compare, bool negative) const {
    std::uint64_t low = 0, high = max_magnitude(negative) + 1;
    while (high - low > 1) {
        const std::uint64_t middle = low + (high - low) / 2;
        const int side = middle < values_.size() ? compare(values_[middle]) : compare(value(middle));
        (side >= 0 ? low : high) = middle;
    }
    return low;
}

std::uint64_t Reference::round_magnitude(const std::function<int(const mpq_class&)>& compare, bool negative, RefMode mode) const {
    const std::uint64_t low = floor_code(compare, negative);
    if (low == max_magnitude(negative)) {
        if (mode == RefMode::zero || family_ != Family::floating) return with_sign(low, negative);
        const int side = compare(overflow_threshold());
        return side < 0 || (side == 0 && low % 2 == 0) ? with_sign(low, negative) : overflow(negative);
    }
    if (family_ == Family::e8m0 && compare(value(0)) < 0) return 0;
    if (family_ == Family::posit && low == 0) {
        const bool up = !option_ || (mode == RefMode::nearest && compare(mpq_class(value(1) / 2)) > 0);
        return with_sign(up ? 1 : 0, negative);
    }
    if (mode == RefMode::zero) return with_sign(low, negative);
    const int side = low < decisions_.size() ? compare(decisions_[low]) : compare(decision(low));
    return with_sign(side > 0 || (side == 0 && low % 2 == 1) ? low + 1 : low, negative);
}

std::uint64_t Reference::round(const Exact& x, RefMode mode) const {
    const std::uint64_t half = std::uint64_t{1} << (bits_ - 1);
    if (family_ == Family::e8m0) {
        if (x.kind == Exact::finite && x.magnitude == 0) return 0;
        if (x.kind == Exact::nan || x.negative) return 255;
        if (x.kind == Exact::infinite) return 254;
    }
    if (family_ == Family::posit && x.kind != Exact::finite) return half;
    if (x.kind == Exact::infinite) return overflow(x.negative);
    if (x.kind == Exact::nan) {
        if (family_ == Family::fixed || special_ == Special::finite) return 0;
        return special_ == Special::fn ? half - 1 : special_ == Special::fnuz ? half : half - 1;
    }
    if (x.magnitude == 0) return with_sign(0, x.negative);
    return round_magnitude([&, m = mpq_class(x.magnitude / scale_)](const mpq_class& t) { return cmp(m, t); }, x.negative, mode);
}

std::uint64_t Reference::round_sqrt(const Exact& x) const {
    if (x.kind != Exact::finite || x.magnitude == 0) return round(x.kind == Exact::infinite && x.negative ? Exact{Exact::nan, false, 0} : x, RefMode::nearest);
    if (x.negative) return round({Exact::nan, false, 0}, RefMode::nearest);
    return round_magnitude([&](const mpq_class& t) { return cmp(x.magnitude, mpq_class(t * t * scale_ * scale_)); }, false, RefMode::nearest);
}

Reference::Neighbours Reference::neighbours(const Exact& scaled) const {
    const Exact x{scaled.kind, scaled.negative, scaled.magnitude / scale_};
    const std::uint64_t low = floor_code([&](const mpq_class& t) { return cmp(x.magnitude, t); }, x.negative);
    const bool ends = low == max_magnitude(x.negative) || value(low) == x.magnitude || (family_ == Family::e8m0 && x.magnitude < value(0));
    const bool to_minpos = family_ == Family::posit && low == 0 && !option_ && x.magnitude != 0;
    if (ends || to_minpos) {
        const std::uint64_t code = with_sign(to_minpos ? 1 : low, x.negative);
        return {code, code, 0};
    }
    const mpq_class away = (x.magnitude - value(low)) / (value(low + 1) - value(low));
    if (x.negative) return {with_sign(low + 1, true), with_sign(low, true), 1 - away};
    return {low, low + 1, away};
}

std::vector<mpq_class> Reference::decision_points() const {
    std::vector<mpq_class> points;
    const std::uint64_t top = max_magnitude(false);
    for (std::uint64_t code = 0; code < top; ++code) {
        points.push_back(value(code));
        points.push_back(decision(code));
    }
    points.push_back(value(top));
    if (family_ == Family::floating) points.push_back(overflow_threshold());
    if (family_ == Family::posit) points.push_back(value(1) / 2);
    for (mpq_class& point : points) point *= scale_;
    return points;
}

}  // namespace taper::tests
