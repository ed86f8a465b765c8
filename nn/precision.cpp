#include <taper/nn/precision.h>

#include <fmt/format.h>

#include <taper/core/random.h>

namespace taper::nn {

std::string text(const Target& target) {
    return target.rounding == Rounding::nearest ? target.format.name() : fmt::format("{} {}", target.format.name(), name(target.rounding));
}

Target parse_target(const std::string& text) {
    const std::size_t blank = text.find_last_of(' ', text.find_last_not_of(' '));
    const std::size_t before = blank == std::string::npos ? blank : text.find_last_not_of(' ', blank);
    // Names may hold blanks themselves: "posit(8, 2)", "e4m3, sat", "posit(8,1) * 4".
    if (before == std::string::npos || text[before] == ',' || text[before] == '*' || text.find_first_of(",()*", blank) != std::string::npos) return Format::parse(text);
    return {Format::parse(text.substr(0, blank)), parse_rounding(text.substr(blank + 1, text.find_last_not_of(' ') - blank))};
}

Tensor rounded(const Tensor& value, const Target& target) {
    RoundingMode mode{target.rounding};
    if (target.rounding == Rounding::stochastic && value.format() != target.format) {
        mode.draws.seed = default_generator().seed();
        mode.draws.stream = default_generator().next_stream();
    }
    return value.to(target.format, mode);
}

std::vector<std::pair<std::string, std::string>> describe(const Precision& precision) {
    std::vector<std::pair<std::string, std::string>> roles;
    for (const auto& [name, target] : target_roles) roles.emplace_back(name, text(precision.*target));
    for (const auto& [name, accumulator] : accumulator_roles) roles.emplace_back(name, (precision.*accumulator).name());
    return roles;
}

std::string table(const Precision& precision) {
    std::string lines;
    for (const auto& [role, format] : describe(precision)) lines += fmt::format("{:<17} {}\n", role, format);
    return lines;
}

}  // namespace taper::nn
