// Reads the gzipped tab-separated golden vectors of tests/golden.
#pragma once

#include <string>
#include <vector>

namespace taper::tests {

// Rows of TAPER_GOLDEN/NAME.tsv.gz without the header line, split at tabs; throws std::runtime_error if the file is missing or empty.
std::vector<std::vector<std::string>> golden(const std::string& name);

}  // namespace taper::tests
