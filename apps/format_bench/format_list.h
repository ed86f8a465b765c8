// Lists of formats, with ranges: "posit(4..8,0..2), e4m3, fixed(8,6)".
#pragma once

#include <string_view>
#include <vector>

#include <taper/formats/format.h>

namespace taper::apps {

// list = name { "," name }, names of formats (docs/names.md) whose numbers in brackets may be ranges: FIRST..LAST, both included.  Ranges of a
// name are combined, the last one fastest: posit(4..5,0..1) is posit(4,0), posit(4,1), posit(5,0), posit(5,1).  A format that comes twice is kept once.
// Throws Error on what is no name, on an empty list or range, on indices, and on more than 1000 formats.
std::vector<Format> parse_format_list(std::string_view text);

}  // namespace taper::apps
