#include "scale_rule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include <taper/formats/convert.h>
#include <taper/formats/error.h>

namespace taper::apps {
namespace {

constexpr std::array<std::pair<const char*, ScaleRule>, 3> rules{{{"none", ScaleRule::none}, {"max_fit", ScaleRule::max_fit}, {"sqnr", ScaleRule::sqnr}}};

// Exponent of the smallest power of two with largest <= 2^k limit.
int fitting_exponent(double largest, double limit) {
    if (largest == 0) return 0;
    int k = std::ilogb(largest) - std::ilogb(limit) - 1;
    while (std::ldexp(limit, k) < largest) ++k;
    return k;
}

double noise(const Format& format, const std::vector<float>& x) {
    std::vector<std::uint8_t> codes(x.size() * static_cast<std::size_t>(format.storage_bytes()));
    std::vector<double> y(x.size());
    encode(format, x.data(), x.size(), codes.data());
    decode(format, codes.data(), x.size(), y.data());
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += (y[i] - x[i]) * (y[i] - x[i]);
    return sum;
}

Format quietest(const Format& format, int fitting, const std::vector<float>& x) {
    Format best = format.scaled(std::ldexp(1.0, fitting));
    double least = noise(best, x);
    for (const int step : {1, -1, 2, -2, 3, -3, 4, -4}) {
        const Format tried = format.scaled(std::ldexp(1.0, fitting + step));
        const double n = noise(tried, x);  // not a number or infinite where values overflow
        if (!(n < least) && !(std::isfinite(n) && !std::isfinite(least))) continue;
        best = tried;
        least = n;
    }
    return best;
}

}  // namespace

ScaleRule parse_scale_rule(std::string_view text) {
    for (const auto& [name, rule] : rules)
        if (text == name) return rule;
    throw Error(fmt::format("scale rule: no such rule: {} (want none, max_fit or sqnr)", text));
}

const char* name(ScaleRule rule) { return rules[static_cast<std::size_t>(rule)].first; }

void Sample::add(const std::vector<float>& more) {
    const std::size_t apart = std::max<std::size_t>((more.size() + sample_size - 1) / sample_size, 1);
    for (const float x : more)
        if (std::isfinite(x)) largest = std::max(largest, std::fabs(static_cast<double>(x)));
    for (std::size_t i = 0; i < more.size() && values.size() < sample_size; i += apart)
        if (std::isfinite(more[i])) values.push_back(more[i]);
}

double precise_limit(const Format& format) {
    if (format.bits() > 16) throw Error(fmt::format("precise_limit: too many codes: {} (want a format of at most 16 bits)", format.name()));
    double least = INFINITY, limit = format.max();
    const std::uint64_t last = encode_one(format, format.max());
    for (std::uint64_t code = encode_one(format, format.min_positive()); code < last; ++code) {
        const double v = decode_one(format, code), w = decode_one(format, code + 1), distance = std::ldexp(w - v, -std::ilogb(v));
        if (distance > least) continue;
        least = distance;
        limit = w;
    }
    return limit;
}

Format fitted(const Format& format, ScaleRule rule, const Sample& sample) {
    if (rule == ScaleRule::none || format.bits() > 16) return format;
    if (format.scaling() != Scaling::none)
        throw Error(fmt::format("scale rule: {} beside a scale of the format's own: {} (want the rule none, or no scale)", name(rule), format.name()));
    const int fitting = fitting_exponent(sample.largest, precise_limit(format));
    return rule == ScaleRule::max_fit || sample.values.empty() ? format.scaled(std::ldexp(1.0, fitting)) : quietest(format, fitting, sample.values);
}

}  // namespace taper::apps
