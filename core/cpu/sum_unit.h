// SumUnit: the sums of a rectangle of tiles of a SumJob, by one thread; each tile and block of terms climbs the rungs of docs/accumulators.md.
#pragma once

#include <vector>

#include <taper/core/cpu/inexact_flag.h>
#include <taper/core/cpu/packed_lines.h>
#include <taper/core/cpu/sum_job.h>
#include <taper/core/cpu/wide_sums.h>
#include <taper/core/exact_rungs.h>

namespace taper::cpu {

class SumUnit {
  public:
    // entry: of the batch.  sums: room for size() doubles, one tile after the other, [strips][panels][height][width]; null: taken by the unit itself.
    SumUnit(const SumJob& job, std::int64_t entry, const Range& strips, const Range& panels, double* sums);
    static std::int64_t size(const SumJob& job, const Range& strips, const Range& panels) { return strips.size() * panels.size() * job.tile_size(); }

    void add_terms(const Range& blocks);  // from 0 on, or from the bias if blocks.begin is 0
    void add(SumUnit& other);             // of the same tiles, other terms
    std::size_t finish();                 // rounds the sums into y; returns how many NaN had no code
    const ExactRungs& rungs() const { return rungs_; }

  private:
    struct At {
        std::int64_t strip, panel;  // of the job
        bool first;                 // block of the unit: the sums hold nothing yet
    };
    void sum_group(const Range& group, const Range& terms, bool first);
    void sum_tile(const At& at);
    bool try_pairs(const At& at, std::int64_t count);
    bool try_floats(const At& at, std::int64_t count);
    bool take_tried(const At& at, std::int64_t count);
    bool try_doubles(const At& at);
    void sum_in_doubles(const At& at, const double* from, double* to);
    bool find_pieces(std::int64_t panel);
    bool try_slices(const At& at);
    void sum_scalar(const At& at);
    const double* start_of(const At& at, std::int64_t place = 0);
    void round_strip(std::int64_t strip);
    std::size_t encode_strip(std::int64_t strip);
    std::size_t encode_sums(const double* sums, std::int64_t n, void* codes);
    std::size_t encode_one_by_one(std::int64_t strip);
    bool one_by_one(std::int64_t strip);

    std::int64_t number(std::int64_t strip, std::int64_t panel) const { return (strip - strips_.begin) * panels_.size() + panel - panels_.begin; }
    double* sums_of(std::int64_t strip, std::int64_t panel) { return sums_ + number(strip, panel) * job_.tile_size(); }
    WideSums& wide_of(std::int64_t strip, std::int64_t panel) { return wide_[static_cast<std::size_t>(number(strip, panel))]; }
    bool bias_enters() const { return with_bias_ && !job_.problem.bias.empty(); }

    const SumJob& job_;
    const SumProblem<double>::Base& base_;
    Range strips_, panels_;
    std::shared_ptr<Storage> own_;  // of sums that the unit takes itself, from the backend's cache of blocks
    double* sums_;
    std::vector<WideSums> wide_;  // of each tile that has needed one
    bool with_bias_ = false;
    ExactRungs rungs_;

    // Of the block of terms being summed.
    std::int64_t terms_ = 0, group_begin_ = 0;  // group: the strips that are packed
    InexactFlag* flag_ = nullptr;
    UnpackedTile pieces_ = {};  // of panel pieces_of_, if it has few
    std::int64_t pieces_of_ = -1;
    int piece_count_ = 0;
    PackedLines<double> left_, right_;
    PackedLines<float> left_floats_, right_floats_;
    PackedPairs left_pairs_, right_pairs_;
    SlicedLines left_slices_, right_slices_;
    std::vector<double> room_;  // six tiles: zeros, biases, and what kernels try
    const double* zeros() const { return room_.data(); }
    double* start_room() { return room_.data() + 2 * job_.tile_size(); }
    double* tried() { return room_.data() + 4 * job_.tile_size(); }
};

}  // namespace taper::cpu
