// Text that programs print and write: aligned tables, CSV, files replaced as a whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace taper::apps {

using Rows = std::vector<std::vector<std::string>>;

// One line a row; the first column flush left, the others right, two blanks between; an empty row is a rule.
std::string text_table(const Rows& rows);

// RFC 4180 lines: fields with a comma, a quote or a line break are quoted.
std::string csv(const Rows& rows);

// 61706 -> "61,706".
std::string with_commas(std::int64_t value);

// Writes FILE.tmp and renames it, so that a reader never sees half a file; throws Error naming the file and the reason.
void replace_file(const std::filesystem::path& file, const std::string& content);

}  // namespace taper::apps
