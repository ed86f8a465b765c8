// A filter over standard input: lines in big blocks, answers in a buffer that is written whenever the input pauses.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace taper::calc {

// Calls answer(line, index, out) for every line (index from 0, without its line end); it appends its answer to `out`.  A taper::Error from it
// is printed on standard error with the line's number (from 1), and the lines after it are still answered.
// Returns the exit code: 0, or 1 if a line was bad or the output could not be written.
int filter(const std::function<void(std::string_view line, std::uint64_t index, std::string& out)>& answer);

}  // namespace taper::calc
