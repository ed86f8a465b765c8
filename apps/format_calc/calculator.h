// What format_calc does with one line: encode, decode, arithmetic on codes, dot products, conversion.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <taper/core/accumulator.h>
#include <taper/formats/format.h>

namespace taper::calc {

enum class Operation { encode, decode, add, sub, mul, div, sqrt, fma, dot, convert };

struct Task {
    Operation operation = Operation::encode;
    Format from, to;  // equal but for convert
    Rounding rounding = Rounding::nearest;
    std::uint64_t seed = 0;  // stochastic: line i, from 0, uses draw i of stream 0
    Accumulator accumulator = Accumulator::exact();  // of dot
    bool trace = false;                              // of dot: its steps before the answer, a line each, from "# " on
};

// Appends the answer to a line and its end: "CODE value", decode "value".  Throws Error on a line that it cannot read, and where the result
// is NaN and the format has no code for it.
void answer(const Task& task, std::string_view line, std::uint64_t index, std::string& out);

}  // namespace taper::calc
