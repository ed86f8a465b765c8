// Reads the gzipped tab-separated golden vectors of tests/golden.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace taper::tests {

// Rows of TAPER_GOLDEN/NAME.tsv.gz without the header line, split at tabs; throws std::runtime_error if the file is missing or empty.
std::vector<std::vector<std::string>> golden(const std::string& name);

// A comma-separated list of codes in hexadecimal.
std::vector<std::uint64_t> golden_codes(const std::string& list);

}  // namespace taper::tests
