// How a format is fitted to the numbers of a tensor by a constant scale, a power of two.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <taper/formats/format.h>

namespace taper::apps {

enum class ScaleRule : std::uint8_t {
    none,     // no scale but what the format's name has
    max_fit,  // the smallest with which the largest magnitude lies in the range where the format is most precise, or below
    sqnr,     // of max_fit's and the four on either side, the one with the largest ratio of signal to rounding noise, sum x^2 / sum (x - r(x))^2
};
ScaleRule parse_scale_rule(std::string_view name);  // throws Error
const char* name(ScaleRule rule);

// What is known of a tensor: its largest finite magnitude, and some or all of its values.
struct Sample {
    double largest = 0;
    std::vector<float> values;
    // Takes note of more values; at most `sample_size` are kept, from places evenly apart.
    void add(const std::vector<float>& more);
};
inline constexpr std::size_t sample_size = std::size_t{1} << 18;

// The end of the range in which the format is most precise: the larger one of the last two neighbours v < w whose distance (w - v) / 2^floor(log2 v)
// is the least of all.  Floats, fixed point: the largest value.  posit(n,es): where the regime grows longer, 2^(2^es) if there are enough bits: 2 for
// posit(8,0), 4 for posit(8,1), 16 for posit(8,2).  Of formats of at most 16 bits; throws Error on a wider one.
double precise_limit(const Format& format);

// The format with the scale that the rule finds.  Formats of more than 16 bits keep theirs, 1.  Throws Error on one whose name has a scale where the rule is
// not `none`.
Format fitted(const Format& format, ScaleRule rule, const Sample& sample);

}  // namespace taper::apps
