// WatchPicture: how the numbers of a run lie in their formats, drawn by gnuplot.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/watch_csv.h"

namespace taper::apps {

// For each run three rows of panels, a column each for weights, gradients, activations and errors:
//   1. the share of each binade in each tensor at its last watched step, between red bars at the ends of its format;
//   2. the same over steps, all tensors together;
//   3. percent of elements at the upper end (saturated, infinite, NaN; solid) and at the lower (dashed: the smallest value, or underflow where
//      that is known and more), over steps, of the tensors where they are most.
class WatchPicture {
  public:
    void add(const WatchRecord& record);
    bool empty() const { return runs_.empty(); }
    // Throws Error if gnuplot fails.
    void draw(const std::filesystem::path& png) const;

  private:
    struct Rate {
        std::int64_t step;
        double upper, lower;  // percent
    };
    struct Tensor {
        std::string name;
        nn::WatchRow last;
        std::vector<Rate> rates = {};
    };
    using Binades = std::array<std::int64_t, core::Statistics::bins>;
    struct Column {  // of one kind
        std::vector<Tensor> tensors;
        std::map<std::int64_t, Binades> steps;
    };
    struct Run {
        std::string name;
        std::map<nn::Watched, Column> columns;
    };
    static std::string layers_panel(const Column& column, const std::string& title);
    static std::string steps_panel(const Column& column);
    static std::string rates_panel(const Column& column);

    std::vector<Run> runs_;
};

}  // namespace taper::apps
