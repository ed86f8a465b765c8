// Packed panels of the lines of a SumProblem over one block of terms, made when they are first asked for.
#pragma once

#include <cmath>
#include <vector>

#include <taper/core/cpu/exact_kernels.h>
#include <taper/core/cpu/scratch.h>
#include <taper/core/cpu/split.h>
#include <taper/core/cpu/sum_panel.h>
#include <taper/core/cpu/sum_problem.h>

namespace taper::cpu {

constexpr std::int64_t panel_unit = 16;  // panels are filled up with zeros to a multiple of it

enum class Keep : std::uint8_t { all, last };

template <class Element>
class PackedLines {
  public:
    PackedLines(const SumSide<double>& side, std::int64_t base, std::int64_t width, Scratch memory)
        : side_(side), base_(base), width_(width), memory_(memory) {}

    // From now on: panels of the lines in [lines.begin, lines.end), over `terms`.  Keep::last forgets a panel when another one is asked for.
    void start(const Range& lines, const Range& terms, Keep keep = Keep::all) {
        lines_ = lines;
        terms_ = terms;
        keep_ = keep;
        last_ = -1;
        if (keep == Keep::all) packed_.assign(static_cast<std::size_t>((lines.size() + width_ - 1) / width_), 0);
        panels_ = thread_scratch<Element>(memory_, (keep == Keep::all ? static_cast<std::int64_t>(packed_.size()) : 1) * size() + panel_unit);
    }
    std::int64_t size() const { return (width_ * terms_.size() + panel_unit - 1) / panel_unit * panel_unit; }  // of a panel, the fill included
    // Panel `index`, [terms][width].
    const Element* panel(std::int64_t index) {
        if (index == last_) return last_panel_;
        last_ = index;
        last_panel_ = panels_ + (keep_ == Keep::all ? index * size() : 0);
        if (keep_ == Keep::last || packed_[static_cast<std::size_t>(index)] == 0) pack(index, last_panel_);
        return last_panel_;
    }

  private:
    void pack(std::int64_t index, Element* panel) {
        const std::int64_t begin = lines_.begin + index * width_, end = std::min(lines_.end, begin + width_);
        if (keep_ == Keep::all) packed_[static_cast<std::size_t>(index)] = 1;
        pack_panel({side_.values.data + base_, side_.line.data() + begin, end - begin, side_.term.data() + terms_.begin, terms_.size(), width_, panel});
        for (std::int64_t i = width_ * terms_.size(); i < size(); ++i) panel[i] = 0;
    }
    const SumSide<double>& side_;
    std::int64_t base_, width_;
    Scratch memory_;
    Range lines_ = {0, 0}, terms_ = {0, 0};
    std::vector<std::uint8_t> packed_;
    Element* panels_ = nullptr;
    Keep keep_ = Keep::all;
    std::int64_t last_ = -1;
    Element* last_panel_ = nullptr;
};

// Panels of pairs of 16-bit integers (PairTile): value times 2^-lowest.
class PackedPairs {
  public:
    PackedPairs(const SumSide<double>& side, std::int64_t base, std::int64_t width, int lowest, Scratch memory)
        : floats_(side, base, width, Scratch::weights), width_(width), scale_(static_cast<float>(std::ldexp(1.0, -lowest))), memory_(memory) {}

    void start(const Range& lines, const Range& terms) {
        floats_.start(lines, terms, Keep::last);
        terms_ = terms.size();
        largest_.assign(static_cast<std::size_t>((lines.size() + width_ - 1) / width_), -1);
        panels_ = thread_scratch<std::int32_t>(memory_, static_cast<std::int64_t>(largest_.size()) * size());
    }
    const std::int32_t* panel(const ExactKernels& kernels, std::int64_t index) {
        std::int32_t* const panel = panels_ + index * size();
        std::int32_t& largest = largest_[static_cast<std::size_t>(index)];
        if (largest < 0) largest = kernels.pair_up(floats_.panel(index), terms_, width_, scale_, panel);
        return panel;
    }
    // Of a panel that has been asked for: the largest magnitude, or 2^31 - 1.
    std::int64_t largest(std::int64_t index) const { return largest_[static_cast<std::size_t>(index)]; }

  private:
    std::int64_t size() const { return (width_ * ((terms_ + 1) / 2) + 2 * panel_unit - 1) / panel_unit * panel_unit; }
    PackedLines<float> floats_;
    std::int64_t width_, terms_ = 0;
    float scale_;
    Scratch memory_;
    std::vector<std::int32_t> largest_;
    std::int32_t* panels_ = nullptr;
};

// The slices of the panel that was asked for last.
class SlicedLines {
  public:
    SlicedLines(const Slicing& slicing, Scratch memory) : slicing_(slicing), memory_(memory) {}
    void start() { index_ = -1; }
    // found: a bit for each slice that is not all zero.  Slice s of the panel at slice(s).
    std::uint64_t cut(const ExactKernels& kernels, PackedLines<double>& lines, std::int64_t index) {
        if (index == index_) return found_;
        index_ = index;
        step_ = lines.size();
        slices_ = thread_scratch<double>(memory_, slicing_.slices * step_);
        return found_ = kernels.slice(lines.panel(index), step_, slicing_, slices_, step_);
    }
    const double* slice(int s) const { return slices_ + s * step_; }

  private:
    Slicing slicing_;
    Scratch memory_;
    std::int64_t index_ = -1, step_ = 0;
    std::uint64_t found_ = 0;
    double* slices_ = nullptr;
};

}  // namespace taper::cpu
