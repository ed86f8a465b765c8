#include "result_file.h"

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include <taper/formats/error.h>

#include "common/text.h"

namespace taper::apps {
namespace {

using Settings = InferRow::Settings;

struct SettingColumn {
    const char* name;
    std::string Settings::*value;
};
constexpr std::array<SettingColumn, 13> setting_columns{{{"checkpoint", &Settings::checkpoint},
                                                         {"model", &Settings::model},
                                                         {"weights_crc", &Settings::weights_crc},
                                                         {"data_crc", &Settings::data_crc},
                                                         {"images", &Settings::images},
                                                         {"calibration", &Settings::calibration},
                                                         {"scale", &Settings::scale},
                                                         {"accumulate", &Settings::accumulate},
                                                         {"exempt", &Settings::exempt},
                                                         {"others", &Settings::others},
                                                         {"batch", &Settings::batch},
                                                         {"weights", &Settings::weights},
                                                         {"activations", &Settings::activations}}};
constexpr std::array<const char*, 6> result_columns{"top1", "difference", "nan_images", "bits", "bytes", "seconds"};

std::vector<std::string> header() {
    std::vector<std::string> names;
    for (const SettingColumn& column : setting_columns) names.emplace_back(column.name);
    names.insert(names.end(), result_columns.begin(), result_columns.end());
    return names;
}

std::vector<std::string> fields_of(const InferRow& row) {
    std::vector<std::string> fields;
    for (const SettingColumn& column : setting_columns) fields.push_back(row.settings.*column.value);
    fields.push_back(fmt::format("{:.4f}", row.top1));
    fields.push_back(fmt::format("{:.4f}", row.difference));
    fields.push_back(std::to_string(row.nan_images));
    fields.push_back(fmt::format("{:.4f}", row.bits));
    fields.push_back(fmt::format("{:.4f}", row.bytes));
    fields.push_back(fmt::format("{:.2f}", row.seconds));
    return fields;
}

// The fields of a line as csv() writes it; nothing in them breaks lines.
std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> fields{""};
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
            fields.back() += line[i++];
        else if (line[i] == '"')
            quoted = !quoted;
        else if (line[i] == ',' && !quoted)
            fields.emplace_back();
        else
            fields.back() += line[i];
    }
    return fields;
}

std::optional<InferRow> row_of(const std::vector<std::string>& fields) {
    if (fields.size() != setting_columns.size() + result_columns.size()) return {};
    InferRow row;
    for (std::size_t i = 0; i < setting_columns.size(); ++i) row.settings.*setting_columns[i].value = fields[i];
    std::array<double, result_columns.size()> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const std::string& field = fields[setting_columns.size() + i];
        char* end = nullptr;
        numbers[i] = std::strtod(field.c_str(), &end);
        if (field.empty() || *end != '\0') return {};
    }
    row.top1 = numbers[0];
    row.difference = numbers[1];
    row.nan_images = static_cast<std::int64_t>(numbers[2]);
    row.bits = numbers[3];
    row.bytes = numbers[4];
    row.seconds = numbers[5];
    return row;
}

}  // namespace

ResultFile::ResultFile(std::filesystem::path file) : file_(std::move(file)) {
    if (file_.empty() || !std::filesystem::exists(file_)) return;
    std::ifstream in(file_);
    std::string line;
    if (!std::getline(in, line) || split(line) != header())
        throw Error(fmt::format("format_bench: not results of infer: {}, line 1 (want a file with its columns, or a new one)", file_.string()));
    for (int number = 2; std::getline(in, line); ++number) {
        const std::optional<InferRow> row = row_of(split(line));
        if (!row) throw Error(fmt::format("format_bench: a damaged line: {}, line {} (want {} fields)", file_.string(), number, header().size()));
        rows_.push_back(*row);
    }
}

std::optional<InferRow> ResultFile::find(const Settings& settings) const {
    for (const InferRow& row : rows_)
        if (row.settings == settings) return row;
    return {};
}

void ResultFile::add(const InferRow& row) {
    rows_.push_back(row);
    if (file_.empty()) return;
    Rows lines{header()};
    for (const InferRow& r : rows_) lines.push_back(fields_of(r));
    replace_file(file_, csv(lines));
}

}  // namespace taper::apps
