#include "format_list.h"

#include <algorithm>
#include <charconv>
#include <string>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::apps {
namespace {

constexpr std::size_t most_formats = 1000;

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
    return begin == std::string_view::npos ? "" : text.substr(begin, end - begin + 1);
}

// The parts between commas outside of brackets; "sat" belongs to the part before.
std::vector<std::string> names_of(std::string_view text) {
    std::vector<std::string> names;
    int depth = 0;
    for (std::size_t begin = 0, at = 0; at <= text.size(); ++at) {
        const char c = at < text.size() ? text[at] : ',';
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (c != ',' || (depth > 0 && at < text.size())) continue;
        const std::string_view name = trimmed(text.substr(begin, at - begin));
        if (trimmed(name.substr(0, name.find('*'))) == "sat" && !names.empty())
            names.back() += "," + std::string(name);
        else
            names.emplace_back(name);
        begin = at + 1;
    }
    return names;
}

// The number that ends, or begins, at a place of the text.
struct Number {
    std::size_t begin, end;
    int value;
};

Number read_number(const std::string& name, std::size_t begin, std::size_t end) {
    Number number{begin, end, 0};
    const auto [stop, error] = std::from_chars(name.data() + begin, name.data() + end, number.value);
    if (error != std::errc() || stop != name.data() + end || std::abs(number.value) > 1000)
        throw Error(fmt::format("format list: not a range of whole numbers: \"{}\" (want FIRST..LAST, as in posit(4..8,1))", name));
    return number;
}

bool is_of_number(char c) { return c == '-' || (c >= '0' && c <= '9'); }

void expand(const std::string& name, std::vector<Format>& formats) {
    const std::size_t dots = name.find("..");
    if (dots == std::string::npos) {
        const Format format = Format::parse(name);
        if (format.is_index()) throw Error(fmt::format("format list: holds indices: {} (want number formats)", format.name()));
        if (std::find(formats.begin(), formats.end(), format) == formats.end()) formats.push_back(format);
        if (formats.size() > most_formats) throw Error(fmt::format("format list: more than {} formats came (want fewer)", most_formats));
        return;
    }
    std::size_t begin = dots, end = dots + 2;
    while (begin > 0 && is_of_number(name[begin - 1])) --begin;
    while (end < name.size() && is_of_number(name[end])) ++end;
    const Number first = read_number(name, begin, dots), last = read_number(name, dots + 2, end);
    if (first.value > last.value) throw Error(fmt::format("format list: an empty range: \"{}\" (want FIRST <= LAST)", name));
    for (int i = first.value; i <= last.value; ++i) expand(name.substr(0, begin) + std::to_string(i) + name.substr(end), formats);
}

}  // namespace

std::vector<Format> parse_format_list(std::string_view text) {
    std::vector<Format> formats;
    for (const std::string& name : names_of(text)) expand(name, formats);
    return formats;
}

}  // namespace taper::apps
