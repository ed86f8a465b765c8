#include "support/golden.h"

#include <zlib.h>

#include <sstream>
#include <stdexcept>

namespace taper::tests {

std::vector<std::vector<std::string>> golden(const std::string& name) {
    const std::string path = std::string(TAPER_GOLDEN) + "/" + name + ".tsv.gz";
    gzFile file = gzopen(path.c_str(), "rb");
    if (file == nullptr) throw std::runtime_error("golden: cannot open " + path);
    std::string text;
    char buffer[65536];
    for (int n; (n = gzread(file, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
    gzclose(file);
    std::vector<std::vector<std::string>> rows;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::vector<std::string> row;
        std::istringstream fields(line);
        for (std::string field; std::getline(fields, field, '\t');) row.push_back(field);
        rows.push_back(row);
    }
    if (rows.empty()) throw std::runtime_error("golden: no rows in " + path);
    return rows;
}

std::vector<std::uint64_t> golden_codes(const std::string& list) {
    std::vector<std::uint64_t> codes;
    std::istringstream fields(list);
    for (std::string field; std::getline(fields, field, ',');) codes.push_back(std::stoull(field, nullptr, 16));
    return codes;
}

}  // namespace taper::tests
