#include "common/watch_csv.h"

#include <array>
#include <charconv>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include <taper/formats/error.h>

#include "common/text.h"

namespace taper::apps {
namespace {

using core::Statistics;

constexpr std::array counters{&Statistics::elements, &Statistics::zeros,    &Statistics::saturated,
                              &Statistics::smallest, &Statistics::infinite, &Statistics::nan};
constexpr std::size_t first_counter = 6, first_binade = first_counter + counters.size() + 4;

std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
            fields.back() += line[i++];
        } else if (line[i] == '"') {
            quoted = !quoted;
        } else if (line[i] == ',' && !quoted) {
            fields.emplace_back();
        } else {
            fields.back() += line[i];
        }
    }
    return fields;
}

template <class T>
T number(const std::string& field) {
    T value{};
    const auto [end, failure] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (failure != std::errc() || end != field.data() + field.size()) throw Error(fmt::format("not a number: \"{}\"", field));
    return value;
}

nn::Watched kind_of(const std::string& text) {
    for (const nn::Watched kind : nn::watched_kinds)
        if (text == nn::name(kind)) return kind;
    throw Error(fmt::format("no kind of tensor: \"{}\"", text));
}

WatchRecord parse(const std::vector<std::string>& fields) {
    if (fields.size() != first_binade + Statistics::bins) throw Error(fmt::format("{} fields (want {})", fields.size(), first_binade + Statistics::bins));
    WatchRecord record{.run = fields[0], .epoch = number<std::int64_t>(fields[1]) - 1, .row = {}};
    nn::WatchRow& row = record.row;
    row.step = number<std::int64_t>(fields[2]);
    row.kind = kind_of(fields[3]);
    row.name = fields[4];
    row.format = Format::parse(fields[5]);
    Statistics& s = row.statistics;
    std::size_t at = first_counter;
    for (const auto counter : counters) s.*counter = number<std::int64_t>(fields[at++]);
    if (!fields[at].empty()) row.before = {.underflow = number<std::int64_t>(fields[at]), .overflow = number<std::int64_t>(fields[at + 1])};
    s.sum = number<double>(fields[at + 2]) * static_cast<double>(s.elements - s.infinite - s.nan);
    s.max = number<double>(fields[at + 3]);
    for (std::size_t i = 0; i < Statistics::bins; ++i) s.binades[i] = number<std::int64_t>(fields[first_binade + i]);
    return record;
}

}  // namespace

std::string watch_csv_header() {
    std::string text =
        fmt::format("run,epoch,step,kind,name,format,elements,zeros,saturated,smallest,infinite,nan,underflow,overflow,mean,max,<2^{}", Statistics::lowest);
    for (int e = Statistics::lowest; e <= Statistics::highest; ++e) text += fmt::format(",2^{}", e);
    return text + fmt::format(",>=2^{}\n", Statistics::highest + 1);
}

std::string watch_csv_line(const WatchRecord& record) {
    const nn::WatchRow& row = record.row;
    const Statistics& s = row.statistics;
    std::vector<std::string> fields{record.run, std::to_string(record.epoch + 1), std::to_string(row.step), nn::name(row.kind), row.name, row.format.name()};
    for (const auto counter : counters) fields.push_back(std::to_string(s.*counter));
    fields.push_back(row.before ? std::to_string(row.before->underflow) : "");
    fields.push_back(row.before ? std::to_string(row.before->overflow) : "");
    fields.push_back(fmt::format("{:.6g}", s.mean()));
    fields.push_back(fmt::format("{:.9g}", s.max));
    for (const std::int64_t count : s.binades) fields.push_back(std::to_string(count));
    return csv({fields});
}

std::vector<WatchRecord> read_watch_csv(const std::filesystem::path& file, std::int64_t step) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in) throw Error(fmt::format("watch: cannot read: {}", file.string()));
    std::vector<WatchRecord> records;
    std::int64_t line = 1;
    if (text.rfind(watch_csv_header(), 0) != 0)
        throw Error(fmt::format("watch: not a CSV of watched numbers: {} (want the header of --watch-csv)", file.string()));
    std::size_t at = watch_csv_header().size();
    for (std::size_t end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
        ++line;
        try {
            WatchRecord record = parse(split(text.substr(at, end - at)));
            if (record.row.step < step) records.push_back(std::move(record));
        } catch (const Error& error) {
            throw Error(fmt::format("watch: damaged CSV: {}, line {}: {}", file.string(), line, error.what()));
        }
    }
    return records;
}

}  // namespace taper::apps
