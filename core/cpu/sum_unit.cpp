#include <taper/core/cpu/sum_unit.h>

#include <bit>
#include <cmath>

#include <taper/core/rung_counts.h>

namespace taper::cpu {

namespace {

constexpr std::int64_t group_rows = 168;  // packed: half of the second cache
constexpr int pass_limit = 8;             // passes of slices whose sums are added in float64
constexpr int slice_passes_limit = 400;   // more cost as much as term by term

}  // namespace

SumUnit::SumUnit(const SumJob& job, std::int64_t entry, const Range& strips, const Range& panels, double* sums)
    : job_(job),
      base_(job.problem.batch[static_cast<std::size_t>(entry)]),
      strips_(strips),
      panels_(panels),
      own_(sums == nullptr ? static_cast<std::size_t>(size(job, strips, panels)) : 0),
      sums_(sums == nullptr ? own_.data() : sums),
      wide_(job.proof == Proof::exact ? static_cast<std::size_t>(strips.size() * panels.size()) : 0),
      left_(job.problem.left, base_.left, job.height, Scratch::left),
      right_(job.problem.right, base_.right, job.width, Scratch::right),
      left_floats_(job.problem.left, base_.left, job.height, Scratch::weights),
      right_floats_(job.problem.right, base_.right, 2 * job.width, Scratch::image),
      left_slices_(job.left, Scratch::errors),
      right_slices_(job.right, Scratch::partial),
      room_(static_cast<std::size_t>(4 * job.tile_size())) {}

void SumUnit::add_terms(const Range& blocks) {
    InexactFlag flag;
    flag_ = &flag;
    with_bias_ = blocks.begin == 0;
    const Range columns{job_.columns(panels_.begin).begin, job_.columns(panels_.end - 1).end};
    const std::int64_t strips_of_group = std::max<std::int64_t>(group_rows / job_.height, 1);
    for (std::int64_t block = blocks.begin; block < blocks.end; ++block) {
        const Range terms = job_.terms(block);
        terms_ = terms.size();
        // Where one group covers the strips, each panel is met once.
        const Keep keep = strips_.size() <= strips_of_group ? Keep::last : Keep::all;
        right_.start(columns, terms, keep);
        if (job_.floats) right_floats_.start(columns, terms, keep);
        for (std::int64_t strip = strips_.begin; strip < strips_.end; strip += strips_of_group) {
            sum_group({strip, std::min(strips_.end, strip + strips_of_group)}, terms, block == blocks.begin);
        }
    }
}

void SumUnit::sum_group(const Range& group, const Range& terms, bool first) {
    group_begin_ = group.begin;
    const Range rows{job_.rows(group.begin).begin, job_.rows(group.end - 1).end};
    left_.start(rows, terms);
    if (job_.floats) left_floats_.start(rows, terms);
    left_slices_.start();
    right_slices_.start();
    const std::int64_t step = job_.floats ? 2 : 1;
    for (std::int64_t panel = panels_.begin; panel < panels_.end; panel += step) {
        const std::int64_t count = std::min(step, panels_.end - panel);
        for (std::int64_t strip = group.begin; strip < group.end; ++strip) {
            if (job_.floats && try_floats({strip, panel, first}, count)) continue;
            for (std::int64_t p = panel; p < panel + count; ++p) sum_tile({strip, p, first});
        }
    }
}

void SumUnit::sum_tile(const At& at) {
    if (try_doubles(at)) return;
    if (!try_slices(at)) sum_scalar(at);
    flag_->clear();
}

// The sums before this block: those of the tile, or zeros, or the bias.
const double* SumUnit::start_of(const At& at, double* room) {
    if (!at.first) return sums_of(at.strip, at.panel);
    std::fill(room, room + job_.tile_size(), 0.0);
    if (!bias_enters()) return room;
    const Range rows = job_.rows(at.strip), columns = job_.columns(at.panel);
    for (std::int64_t i = rows.begin; i < rows.end; ++i) {
        for (std::int64_t j = columns.begin; j < columns.end; ++j) {
            const double bias = job_.problem.bias[static_cast<std::size_t>(job_.problem.bias_of_rows ? i : j)];
            room[(i - rows.begin) * job_.width + j - columns.begin] = bias + 0.0;  // -0 enters as +0
        }
    }
    return room;
}

bool SumUnit::try_floats(const At& at, std::int64_t count) {
    const std::int64_t n = job_.tile_size();
    double* const tried = room_.data() + 2 * n;
    const double* from = start_of(at, room_.data());
    if (at.first) start_of({at.strip, at.panel + count - 1, true}, room_.data() + (count - 1) * n);
    job_.kernels.floats[job_.rows(at.strip).size()]({.terms = terms_,
                                                     .a = left_floats_.panel(at.strip - group_begin_),
                                                     .a_stride = job_.height,
                                                     .b = right_floats_.panel((at.panel - panels_.begin) / 2),
                                                     .from = from,
                                                     .from_panel = (count - 1) * n,
                                                     .to = tried,
                                                     .to_panel = n});
    if (flag_->raised()) {
        flag_->clear();
        return false;
    }
    std::copy(tried, tried + count * n, sums_of(at.strip, at.panel));
    rungs_.float32 += static_cast<std::uint64_t>(count);
    return true;
}

bool SumUnit::try_doubles(const At& at) {
    const std::int64_t n = job_.tile_size(), rows = job_.rows(at.strip).size();
    double *const sums = sums_of(at.strip, at.panel), *const tried = at.first ? sums : room_.data() + 2 * n;
    const double* const from = start_of(at, room_.data());
    const bool narrow = job_.columns(at.panel).size() <= job_.kernels.lanes;
    (narrow ? job_.kernels.narrow : job_.kernels.wide)[rows]({.terms = terms_,
                                                              .a = left_.panel(at.strip - group_begin_),
                                                              .a_stride = job_.height,
                                                              .b = right_.panel(at.panel - panels_.begin),
                                                              .from = from,
                                                              .from_panel = 0,
                                                              .to = tried,
                                                              .to_panel = 0});
    if (job_.proof == Proof::exact && flag_->raised()) {
        flag_->clear();
        // Not finite is not finite for good, also on the next rungs.
        for (std::int64_t i = 0; i < n; ++i) sums[i] = std::isfinite(tried[i]) ? from[i] : tried[i];
        return false;
    }
    if (tried != sums) std::copy(tried, tried + n, sums);
    ++rungs_.float64;
    return true;
}

bool SumUnit::try_slices(const At& at) {
    const std::uint64_t left = left_slices_.cut(job_.kernels, left_, at.strip - group_begin_);
    const std::uint64_t right = right_slices_.cut(job_.kernels, right_, at.panel - panels_.begin);
    if (std::popcount(left) * std::popcount(right) > slice_passes_limit) return false;
    const std::int64_t n = job_.tile_size(), rows = job_.rows(at.strip).size();
    WideSums& wide = wide_of(at.strip, at.panel);
    if (!wide.used()) wide.start(job_.kernels, job_.sums, n);
    double *const zeros = room_.data(), *const passed = room_.data() + 2 * n;
    std::fill(zeros, zeros + n, 0.0);
    for (int weight = 0; weight <= job_.left.slices + job_.right.slices - 2; ++weight) {
        int passes = 0;
        for (int i = std::max(0, weight - job_.right.slices + 1); i <= std::min(weight, job_.left.slices - 1); ++i) {
            if ((left >> i & 1) == 0 || (right >> (weight - i) & 1) == 0) continue;
            job_.kernels.wide[rows]({terms_, left_slices_.slice(i), job_.height, right_slices_.slice(weight - i), passes == 0 ? zeros : passed, 0, passed, 0});
            if (++passes < pass_limit) continue;
            wide.add_integers(passed, job_.first_limb + weight);
            passes = 0;
        }
        if (passes > 0) wide.add_integers(passed, job_.first_limb + weight);
    }
    ++rungs_.slices;
    return true;
}

void SumUnit::sum_scalar(const At& at) {
    WideSums& wide = wide_of(at.strip, at.panel);
    if (!wide.used()) wide.start(job_.kernels, job_.sums, job_.tile_size());
    const double *const a = left_.panel(at.strip - group_begin_), *const b = right_.panel(at.panel - panels_.begin), *const sums = sums_of(at.strip, at.panel);
    const std::int64_t rows = job_.rows(at.strip).size(), columns = job_.columns(at.panel).size();
    for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < columns; ++j) {
            if (!std::isfinite(sums[i * job_.width + j])) continue;
            for (std::int64_t k = 0; k < terms_; ++k) wide.add_product(i * job_.width + j, a[k * job_.height + i], b[k * job_.width + j]);
        }
    }
    ++rungs_.scalar;
}

void SumUnit::add(SumUnit& other) {
    InexactFlag flag;
    const std::int64_t n = job_.tile_size();
    for (std::int64_t strip = strips_.begin; strip < strips_.end; ++strip) {
        for (std::int64_t panel = panels_.begin; panel < panels_.end; ++panel) {
            double *const sums = sums_of(strip, panel), *const more = other.sums_of(strip, panel), *const tried = room_.data();
            job_.kernels.add(sums, more, n, tried);
            const bool exact = job_.proof == Proof::none || !flag.raised();
            if (!exact) {
                WideSums& wide = wide_of(strip, panel);
                if (!wide.used()) wide.start(job_.kernels, job_.sums, n);
                for (std::int64_t i = 0; i < n; ++i) {
                    if (std::isfinite(tried[i])) wide.add(i, more[i]);
                }
                flag.clear();
            }
            for (std::int64_t i = 0; i < n; ++i) sums[i] = exact || !std::isfinite(tried[i]) ? tried[i] : sums[i];
            if (job_.proof == Proof::none || !other.wide_of(strip, panel).used()) continue;
            if (!wide_of(strip, panel).used()) wide_of(strip, panel).start(job_.kernels, job_.sums, n);
            wide_of(strip, panel).add(other.wide_of(strip, panel));
        }
    }
    rungs_ += other.rungs_;
}

}  // namespace taper::cpu
