#include <taper/core/cpu/code_facts.h>

#include <cmath>
#include <limits>
#include <list>
#include <mutex>
#include <utility>
#include <vector>

#include <taper/formats/convert.h>

namespace taper {
namespace {

// The runs of codes for which `member` holds; false where there are more than `limit`.
template <class Member>
bool find_ranges(const std::vector<double>& values, const Member& member, CodeRange* ranges, std::size_t limit) {
    std::size_t found = 0;
    for (std::size_t code = 0; code < values.size(); ++code) {
        if (!member(values[code])) continue;
        if (code == 0 || !member(values[code - 1])) {
            if (found++ == limit) return false;
            ranges[found - 1].first = static_cast<std::uint32_t>(code);
        }
        ++ranges[found - 1].count;
    }
    return true;
}

// Are the values strictly increasing in the key, NaN last?
bool ordered_by(const std::vector<double>& values, std::uint32_t flip, std::uint32_t less) {
    const std::uint32_t mask = static_cast<std::uint32_t>(values.size() - 1);
    double before = -std::numeric_limits<double>::infinity();
    for (std::uint32_t key = 0; key <= mask; ++key) {
        const double value = values[((key + less) & mask) ^ flip];
        if (std::isnan(value)) return key == mask;
        if (!(value > before)) return false;
        before = value;
    }
    return true;
}

// Is every number its own rounding?  Not so infinities of a saturating format.
bool stay_when_rounded(const Format& format, const std::vector<double>& values) {
    for (std::size_t code = 0; code < values.size(); ++code) {
        if (!std::isnan(values[code]) && encode_one(format, values[code]) != code) return false;
    }
    return true;
}

CodeFacts find_facts(const Format& format) {
    CodeFacts facts;
    if (format == Format::float32()) {
        return {.ranges = true, .positive = {1, 0x7f800000}, .negative = {0x80000001, 0x7f800000},
                .special = {{0x7f800000, 0x00800000}, {0xff800000, 0x00800000}}, .nan = 0x7fc00000};
    }
    if (format.bits() > 16) return facts;
    std::vector<double> values(std::size_t{1} << format.bits());
    for (std::size_t code = 0; code < values.size(); ++code) values[code] = decode_one(format, code);
    facts.ranges = find_ranges(values, [](double v) { return v > 0; }, &facts.positive, 1) && find_ranges(values, [](double v) { return v < 0; }, &facts.negative, 1) &&
                   find_ranges(values, [](double v) { return !std::isfinite(v); }, facts.special, 2) && values[0] == 0 &&
                   stay_when_rounded(format, values);
    facts.nan = static_cast<std::uint32_t>(encode_one(format, std::numeric_limits<double>::quiet_NaN()));
    // Keys wrap at the width of the storage: with less = 1 the code ^ flip = 0 becomes the largest key there too.
    for (const std::uint32_t less : {0u, 1u}) {
        if (!facts.ordered && ordered_by(values, 1u << (format.bits() - 1), less)) {
            facts.ordered = true;
            facts.flip = 1u << (format.bits() - 1);
            facts.less = less;
        }
    }
    return facts;
}

}  // namespace

const CodeFacts& code_facts(const Format& format) {
    static std::mutex mutex;
    static std::list<std::pair<Format, CodeFacts>> known;
    const std::lock_guard<std::mutex> lock(mutex);
    for (const auto& [f, facts] : known) {
        if (f == format) return facts;
    }
    known.emplace_back(format, find_facts(format));
    return known.back().second;
}

}  // namespace taper
