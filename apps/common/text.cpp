#include "common/text.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include <taper/core/file.h>

namespace taper::apps {

std::string text_table(const Rows& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    const std::size_t total = std::accumulate(widths.begin(), widths.end(), std::size_t{0}) + 2 * (widths.empty() ? 0 : widths.size() - 1);
    std::string text;
    for (const auto& row : rows) {
        std::string line = row.empty() ? std::string(total, '-') : "";
        for (std::size_t i = 0; i < row.size(); ++i) line += i == 0 ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format("  {:>{}}", row[i], widths[i]);
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
}

std::string csv(const Rows& rows) {
    const auto quoted = [](const std::string& field) {
        if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
        std::string text = "\"";
        for (const char c : field) text += c == '"' ? std::string("\"\"") : std::string(1, c);
        return text + "\"";
    };
    std::string text;
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) text += quoted(row[i]) + (i + 1 < row.size() ? "," : "\n");
    return text;
}

std::string with_commas(std::int64_t value) {
    std::string digits = std::to_string(value);
    for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3)
        digits.insert(static_cast<std::size_t>(at), ",");
    return digits;
}

void replace_file(const std::filesystem::path& file, const std::string& content) {
    NewFile out(file);
    out.write(content.data(), content.size());
    out.commit();
}

}  // namespace taper::apps
