// What `format_bench infer` prints and draws.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "result_file.h"

namespace taper::apps {

// One line a row: formats, top-1, difference to float32, bits and bytes a weight, seconds.
std::string infer_table(const std::vector<InferRow>& rows);
std::string infer_line(const InferRow& row);

// Top-1 against the bits of the format, a curve a family of formats; float32's accuracy as a dashed line.  Throws Error as plot() does.
void draw_infer(const std::filesystem::path& png, const std::string& title, const std::vector<InferRow>& rows, double float32_top1);

}  // namespace taper::apps
