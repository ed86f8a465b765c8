#include <taper/core/cpu/sum_unit.h>

#include <bit>
#include <cmath>

#include <taper/core/rung_counts.h>

namespace taper::cpu {

namespace {

constexpr std::int64_t group_rows = 224;  // packed: half of the second cache
constexpr std::int64_t strips_unpacked = 3;
constexpr int pass_limit = 8;            // passes of slices whose sums are added in float64
constexpr int slice_passes_limit = 400;  // more cost as much as term by term

}  // namespace

SumUnit::SumUnit(const SumJob& job, std::int64_t entry, const Range& strips, const Range& panels, double* sums)
    : job_(job),
      base_(job.problem.batch[static_cast<std::size_t>(entry)]),
      strips_(strips),
      panels_(panels),
      own_(sums == nullptr ? Storage::make(static_cast<std::size_t>(size(job, strips, panels)) * sizeof(double), Device()) : nullptr),
      sums_(sums == nullptr ? static_cast<double*>(own_->data()) : sums),
      wide_(job.proof == Proof::exact ? static_cast<std::size_t>(strips.size() * panels.size()) : 0),
      left_(job.problem.left, base_.left, job.height, Scratch::left),
      right_(job.problem.right, base_.right, job.width, Scratch::right),
      left_floats_(job.problem.left, base_.left, job.height, Scratch::weights),
      right_floats_(job.problem.right, base_.right, 2 * job.width, Scratch::image),
      left_pairs_(job.problem.left, base_.left, job.height, job.left.lowest, Scratch::image),
      right_pairs_(job.problem.right, base_.right, 2 * job.width, job.right.lowest, Scratch::decoded),
      left_slices_(job.left, Scratch::errors),
      right_slices_(job.right, Scratch::partial),
      room_(static_cast<std::size_t>(6 * job.tile_size())) {
    if (own_) std::fill_n(sums_, size(job, strips, panels), 0.0);  // kernels leave out columns that a tile lacks; add() reads all
}

void SumUnit::add_terms(const Range& blocks) {
    InexactFlag flag;
    flag_ = &flag;
    with_bias_ = blocks.begin == 0;
    const Range columns{job_.columns(panels_.begin).begin, job_.columns(panels_.end - 1).end};
    const std::int64_t strips_of_group = std::max<std::int64_t>(group_rows / job_.height, 1);
    for (std::int64_t block = blocks.begin; block < blocks.end; ++block) {
        const Range terms = job_.terms(block);
        terms_ = terms.size();
        pieces_.values = job_.problem.right.values.data + base_.right;
        pieces_.term = job_.problem.right.term.data() + terms.begin;
        // Where one group covers the strips, each panel is met once.
        const Keep keep = strips_.size() <= strips_of_group ? Keep::last : Keep::all;
        right_.start(columns, terms, keep);
        if (job_.floats) right_floats_.start(columns, terms, keep);
        if (job_.pairs) right_pairs_.start(columns, terms);
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
    if (job_.pairs) left_pairs_.start(rows, terms);
    left_slices_.start();
    right_slices_.start();
    const std::int64_t step = job_.floats || job_.pairs ? 2 : 1;
    for (std::int64_t panel = panels_.begin; panel < panels_.end; panel += step) {
        const std::int64_t count = std::min(step, panels_.end - panel);
        for (std::int64_t strip = group.begin; strip < group.end; ++strip) {
            if (job_.pairs && try_pairs({strip, panel, first}, count)) continue;
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

// The sums before this block: those of the tile, or zeros, or the bias at place 0 or 1 of the room.
const double* SumUnit::start_of(const At& at, std::int64_t place) {
    if (!at.first) return sums_of(at.strip, at.panel);
    if (!bias_enters()) return zeros();
    double* const room = start_room() + place * job_.tile_size();
    const double* const bias = job_.problem.bias.data() + base_.bias;
    const Range rows = job_.rows(at.strip), columns = job_.columns(at.panel);
    for (std::int64_t i = 0; i < rows.size(); ++i) {
        double* const row = room + i * job_.width;
        if (job_.problem.bias_of_rows) std::fill(row, row + columns.size(), bias[rows.begin + i] + 0.0);  // -0 enters as +0
        for (std::int64_t j = 0; !job_.problem.bias_of_rows && j < columns.size(); ++j) row[j] = bias[columns.begin + j] + 0.0;
    }
    return room;
}

// The sums that a kernel tried, if it was exact.
bool SumUnit::take_tried(const At& at, std::int64_t count) {
    if (flag_->raised()) {
        flag_->clear();
        return false;
    }
    std::copy(tried(), tried() + count * job_.tile_size(), sums_of(at.strip, at.panel));
    return true;
}

bool SumUnit::try_pairs(const At& at, std::int64_t count) {
    const std::int64_t strip = at.strip - group_begin_, panel = (at.panel - panels_.begin) / 2;
    const std::int32_t *const a = left_pairs_.panel(job_.kernels, strip), *const b = right_pairs_.panel(job_.kernels, panel);
    const std::int64_t left = std::max<std::int64_t>(left_pairs_.largest(strip), 1), right = std::max<std::int64_t>(right_pairs_.largest(panel), 1);
    constexpr std::int64_t most = (std::int64_t{1} << 31) - 1;
    const std::int64_t chunk = most / (2 * left * right);
    if (chunk == 0) return false;  // not finite
    const double *const from = start_of(at), *const second = start_of({at.strip, at.panel + count - 1, at.first}, count - 1);
    const SumTile<std::int32_t> tile{(terms_ + 1) / 2, a, job_.height, b, from, second - from, tried(), job_.tile_size()};
    job_.kernels.pairs[job_.rows(at.strip).size()]({tile, chunk, std::ldexp(1.0, job_.left.lowest + job_.right.lowest)});
    if (!take_tried(at, count)) return false;
    rungs_.integers += static_cast<std::uint64_t>(count);
    return true;
}

bool SumUnit::try_floats(const At& at, std::int64_t count) {
    const double *const from = start_of(at), *const second = start_of({at.strip, at.panel + count - 1, at.first}, count - 1);
    job_.kernels.floats[job_.rows(at.strip).size()]({.terms = terms_,
                                                     .a = left_floats_.panel(at.strip - group_begin_),
                                                     .a_stride = job_.height,
                                                     .b = right_floats_.panel((at.panel - panels_.begin) / 2),
                                                     .from = from,
                                                     .from_panel = second - from,
                                                     .to = tried(),
                                                     .to_panel = job_.tile_size()});
    if (!take_tried(at, count)) return false;
    rungs_.float32 += static_cast<std::uint64_t>(count);
    return true;
}

bool SumUnit::try_doubles(const At& at) {
    const std::int64_t n = job_.tile_size();
    double *const sums = sums_of(at.strip, at.panel), *const tried = at.first ? sums : this->tried();
    const double* const from = start_of(at);
    sum_in_doubles(at, from, tried);
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

void SumUnit::sum_in_doubles(const At& at, const double* from, double* to) {
    const std::int64_t rows = job_.rows(at.strip).size();
    SumTile<double> tile{.terms = terms_,
                         .a = left_.panel(at.strip - group_begin_),
                         .a_stride = job_.height,
                         .b = nullptr,
                         .from = from,
                         .from_panel = 0,
                         .to = to,
                         .to_panel = 0};
    if (find_pieces(at.panel)) {
        pieces_.tile = tile;
        job_.kernels.unpacked[piece_count_][rows](pieces_);
        return;
    }
    tile.b = right_.panel(at.panel - panels_.begin);
    const bool narrow = job_.columns(at.panel).size() <= job_.kernels.lanes;
    (narrow ? job_.kernels.narrow : job_.kernels.wide)[rows](tile);
}

// Are the lines of the panel worth reading where they lie?  Where they fall into few pieces and few strips would share a packed panel.
bool SumUnit::find_pieces(std::int64_t panel) {
    if (job_.kernels.unpacked[1][1] == nullptr || job_.strips > strips_unpacked) return false;
    if (panel == pieces_of_) return piece_count_ > 0;
    pieces_of_ = panel;
    piece_count_ = 1;
    const Range columns = job_.columns(panel);
    const std::int64_t* const line = job_.problem.right.line.data();
    const std::int64_t lanes = job_.kernels.lanes;
    for (std::int64_t v = 0; v < 2; ++v) {
        std::fill(pieces_.columns[v], pieces_.columns[v] + UnpackedTile::piece_limit, std::uint8_t{0});
        std::fill(pieces_.offset[v], pieces_.offset[v] + UnpackedTile::piece_limit, line[columns.begin]);
        const std::int64_t first = columns.begin + v * lanes, last = std::min(columns.end, first + lanes);
        int count = 0;
        for (std::int64_t j = first; j < last; ++j) {
            if (j == first || line[j] != line[j - 1] + 1) {
                if (count == UnpackedTile::piece_limit) {
                    piece_count_ = 0;
                    return false;
                }
                pieces_.offset[v][count++] = line[j] - (j - first);
            }
            pieces_.columns[v][count - 1] |= static_cast<std::uint8_t>(1 << (j - first));
        }
        piece_count_ = std::max(piece_count_, count);
    }
    return true;
}

bool SumUnit::try_slices(const At& at) {
    const std::uint64_t left = left_slices_.cut(job_.kernels, left_, at.strip - group_begin_);
    const std::uint64_t right = right_slices_.cut(job_.kernels, right_, at.panel - panels_.begin);
    if (std::popcount(left) * std::popcount(right) > slice_passes_limit) return false;
    const std::int64_t n = job_.tile_size(), rows = job_.rows(at.strip).size();
    WideSums& wide = wide_of(at.strip, at.panel);
    if (!wide.used()) wide.start(job_.kernels, job_.sums, n);
    double* const passed = tried();
    for (int weight = 0; weight <= job_.left.slices + job_.right.slices - 2; ++weight) {
        int passes = 0;
        for (int i = std::max(0, weight - job_.right.slices + 1); i <= std::min(weight, job_.left.slices - 1); ++i) {
            if ((left >> i & 1) == 0 || (right >> (weight - i) & 1) == 0) continue;
            job_.kernels.wide[rows](
                {terms_, left_slices_.slice(i), job_.height, right_slices_.slice(weight - i), passes == 0 ? zeros() : passed, 0, passed, 0});
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
            double *const sums = sums_of(strip, panel), *const more = other.sums_of(strip, panel), *const tried = this->tried();
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
