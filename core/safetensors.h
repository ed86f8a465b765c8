// The JSON header of a safetensors file, parsed as hostile input.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace taper::safetensors {

struct Entry {
    std::string dtype;
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0, end = 0;  // bytes, from the end of the header
};

struct Header {
    std::map<std::string, Entry> entries;
    std::map<std::string, std::string> metadata;
};

// Throws Error "load: ...: WHERE, ..." unless `text` is one object of tensors {dtype, shape, data_offsets} and "__metadata__", no name twice.
Header parse_header(std::string_view text, const std::string& where);

// The object, padded with blanks so that 8 + its length is a multiple of 8.  Throws Error if a name is not UTF-8.
std::string write_header(const Header& header);

}  // namespace taper::safetensors
