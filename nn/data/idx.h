// The idx files of MNIST and its kin, plain or gzipped.
//   4 bytes 00 00 08 RANK, RANK sizes of 4 bytes big-endian, then the values, one unsigned byte each, row-major.
#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <string>
#include <vector>

namespace taper::nn {

struct Idx {
    std::vector<std::int64_t> sizes;
    std::vector<std::uint8_t> values;
};

// Reads a file of 1 axis (labels, magic 2049) or 3 axes (images, magic 2051), as `rank` says.  The file is treated as hostile: memory
// grows with the data that is really there, never with what the header claims.
// Throws one Error that names the file and the place: wrong magic, sizes that overflow, data that end early or go on, damaged gzip.
Idx read_idx(const std::filesystem::path& file, int rank);
// The same from a stream; `name` is what errors call it.
Idx read_idx(std::istream& stream, const std::string& name, int rank);

}  // namespace taper::nn
