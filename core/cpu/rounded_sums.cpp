#include <taper/core/cpu/rounded_sums.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include <taper/core/cpu/parallel.h>
#include <taper/core/cpu/rounded_plan.h>
#include <taper/core/cpu/scratch.h>
#include <taper/core/cpu/split.h>
#include <taper/core/cpu/sum_panel.h>
#include <taper/core/cpu/sums.h>
#include <taper/formats/convert.h>

namespace taper::cpu {

namespace {

constexpr std::int64_t tile_rows = 8, row_block = 192;
template <class Real>
constexpr std::int64_t column_block = 512 / sizeof(Real);  // sums: 96 KiB, three times where chunks are compensated
template <class Real>
constexpr std::int64_t depth_block = 1024 / sizeof(Real);  // packed: 192 and 128 KiB
template <class Real>
constexpr std::int64_t sums_apart = 2112 / sizeof(Real);  // so that a sum and its compensation do not share their address modulo 4096
constexpr std::int64_t guess_terms = 32;                   // between two looks at what was guessed
constexpr std::int64_t rounded_work = 4;                   // a term costs this many multiply-adds of the fast kernels, or more

// Lines [begin, begin + lines) of a side; their place among the packed ones starts at `at`.
struct Strip {
    std::int64_t begin, lines, at, width;
};

// Advances tiles term by term.
template <class Real>
class Steps {
  public:
    Steps(const RoundedPlan<Real>& plan, const RoundedKernels<Real>& kernels, std::int64_t all_terms) : plan_(plan), kernels_(kernels), all_terms_(all_terms) {}

    // Terms from number `first` on.  total: s of a chunked sum, whose tile is the chunk's p.
    void advance(RoundTile<Real> tile, std::int64_t first, Real* total) {
        if (plan_.chunk == 0) return steps(tile);
        const std::int64_t end = first + tile.terms;
        while (first < end) {
            const std::int64_t chunk_end = std::min((first / plan_.chunk + 1) * plan_.chunk, all_terms_), stop = std::min(end, chunk_end);
            tile.terms = stop - first;
            steps(tile);
            if (stop == chunk_end) close_chunk(tile, total);
            skip(tile, tile.terms);
            first = stop;
        }
    }

  private:
    std::int64_t columns(const RoundTile<Real>& tile) const { return tile.vectors * kernels_.lanes; }
    void skip(RoundTile<Real>& tile, std::int64_t terms) const {
        tile.left += terms * tile.rows;
        tile.right += terms * columns(tile);
    }

    void steps(const RoundTile<Real>& tile) {
        const int round = static_cast<int>(plan_.round.kind);
        switch (plan_.kind) {
            case StepKind::fused: return kernels_.fused[round](plan_.round, tile);
            case StepKind::in_lane: return plan_.guesses ? guessed(tile) : kernels_.in_lane[round](plan_.round, tile);
            case StepKind::compensated: return kernels_.compensated[round](plan_.round, tile);
            case StepKind::split: return split(tile);
        }
    }

    // Guesses until more than a third of them were wrong.
    void guessed(RoundTile<Real> tile) {
        const auto kernel = kernels_.in_lane[static_cast<int>(plan_.round.kind)];
        const std::int64_t size = tile.rows * columns(tile);
        Real* const saved = thread_scratch<Real>(Scratch::partial, size);
        for (std::int64_t rest = tile.terms; rest > 0; rest -= guess_terms) {
            const bool guessing = wrong_ * 3 <= guesses_ + 32;
            tile.terms = guessing ? std::min(rest, guess_terms) : rest;
            if (!guessing) return kernel(plan_.round, tile);
            ++guesses_;
            std::copy_n(tile.sum, size, saved);
            if (!kernels_.guess(plan_.round, tile)) {
                ++wrong_;
                std::copy_n(saved, size, tile.sum);
                kernel(plan_.round, tile);
            }
            skip(tile, tile.terms);
        }
    }

    void split(RoundTile<Real> tile) const {
        const auto multiply = kernels_.product[static_cast<int>(plan_.product.kind)];
        const auto add = kernels_.add[static_cast<int>(plan_.round.kind)];
        RoundTile<Real> product = tile;
        product.terms = 1;
        product.sum = tile.other = thread_scratch<Real>(Scratch::partial, tile.rows * columns(tile));
        for (std::int64_t k = 0; k < tile.terms; ++k) {
            multiply(plan_.product, product);
            add(plan_.round, tile);
            skip(product, 1);
        }
    }

    void close_chunk(const RoundTile<Real>& tile, Real* total) const {
        RoundTile<Real> sum = tile;
        sum.sum = total;
        sum.other = tile.sum;
        kernels_.add[static_cast<int>(plan_.outer.kind)](plan_.outer, sum);
        const std::size_t bytes = static_cast<std::size_t>(tile.rows * columns(tile)) * sizeof(Real);
        std::memset(tile.sum, 0, bytes);
        if (plan_.kind == StepKind::compensated) std::memset(tile.other, 0, bytes);
    }

    const RoundedPlan<Real>& plan_;
    const RoundedKernels<Real>& kernels_;
    std::int64_t all_terms_, guesses_ = 0, wrong_ = 0;
};

// Rounds finished sums into y.
template <class Real>
class RowWriter {
  public:
    explicit RowWriter(const SumCall& call)
        : format_(call.y.format()), mode_(call.mode), codes_(call.y.mutable_data()), width_(format_.storage_bytes()), encoder_(format_, mode_) {}

    // sums[j] is output number first + output[j], output ascending.  Returns how many NaN had no code.
    std::size_t write(const Real* sums, std::int64_t n, std::int64_t first, const std::int64_t* output) const {
        if (output[n - 1] - output[0] == n - 1) return encode_run(sums, n, at(codes_, first + output[0], width_), first + output[0]);
        std::size_t nans = 0;
        if (mode_.mode == Rounding::stochastic) {
            for (std::int64_t j = 0; j < n; ++j) nans += encode_run(sums + j, 1, at(codes_, first + output[j], width_), first + output[j]);
            return nans;
        }
        unsigned char* const run = thread_scratch<unsigned char>(Scratch::row, n * width_);
        nans = encode_run(sums, n, run, 0);
        for (std::int64_t j = 0; j < n; ++j) std::memcpy(at(codes_, first + output[j], width_), run + j * width_, static_cast<std::size_t>(width_));
        return nans;
    }

  private:
    std::size_t encode_run(const float* sums, std::int64_t n, void* codes, std::int64_t index) const {
        return encoder_(sums, static_cast<std::size_t>(n), codes, static_cast<std::uint64_t>(index));
    }
    std::size_t encode_run(const double* sums, std::int64_t n, void* codes, std::int64_t index) const {
        RoundingMode mode = mode_;
        mode.draws.first_index += static_cast<std::uint64_t>(index);
        return encode(format_, sums, static_cast<std::size_t>(n), codes, mode);
    }

    const Format& format_;
    const RoundingMode& mode_;
    void* codes_;
    int width_;
    Encoder encoder_;
};

// What all threads share.  Rows and columns are the problem's sides, or exchanged where that wastes fewer lanes.
template <class Real>
struct Work {
    const SumProblem<Real>& problem;
    const RoundedPlan<Real>& plan;
    const RoundedKernels<Real>& kernels;
    bool exchanged;
    std::vector<Real> first_sums;  // r(bias), or empty
    RowWriter<Real> writer;

    const SumSide<Real>& rows() const { return exchanged ? problem.right : problem.left; }
    const SumSide<Real>& columns() const { return exchanged ? problem.left : problem.right; }
    Real first_sum(std::int64_t row, std::int64_t column) const {
        return first_sums.empty() ? 0 : first_sums[static_cast<std::size_t>(problem.bias_of_rows != exchanged ? row : column)];
    }
};

// One block of outputs of a thread: its panels, its sums, and the run over the terms.
template <class Real>
class Block {
  public:
    Block(const Work<Real>& work, const typename SumProblem<Real>::Base& base) : work_(work), base_(base), steps_(work.plan, work.kernels, work.problem.terms()) {}

    std::size_t form(const Range& rows, const Range& columns) {
        cut(rows, columns);
        start();
        const std::int64_t terms = work_.problem.terms(), depth = std::min(terms, depth_block<Real>);
        Real* const left = thread_scratch<Real>(Scratch::left, row_count_ * depth);
        Real* const right = thread_scratch<Real>(Scratch::right, column_count_ * depth);
        for (std::int64_t k = 0; k < terms; k += depth) {
            const std::int64_t count = std::min(depth, terms - k);
            pack(work_.rows(), work_.exchanged ? base_.right : base_.left, rows_, k, count, left);
            pack(work_.columns(), work_.exchanged ? base_.left : base_.right, columns_, k, count, right);
            for (const Strip& column : columns_) {
                for (const Strip& row : rows_) {
                    const std::int64_t at = place(row, column);
                    steps_.advance({count, row.lines, column.width / work_.kernels.lanes, left + row.at * count, right + column.at * count, sums_ + at, others_ + at}, k, totals_ + at);
                }
            }
        }
        return finish();
    }

  private:
    // Rows in strips of even height; columns in strips of four, then two, then one vector.
    void cut(const Range& rows, const Range& columns) {
        rows_.clear();
        columns_.clear();
        const std::int64_t height = even_width(rows.size(), tile_rows), lanes = work_.kernels.lanes;
        for (std::int64_t i = rows.begin; i < rows.end; i += height) {
            const std::int64_t lines = std::min(height, rows.end - i);
            rows_.push_back({i, lines, i - rows.begin, lines});
        }
        column_count_ = 0;
        for (std::int64_t j = columns.begin; j < columns.end;) {
            const std::int64_t vectors = (columns.end - j + lanes - 1) / lanes, width = lanes * (vectors >= 4 ? 4 : vectors >= 2 ? 2 : 1);
            columns_.push_back({j, std::min(width, columns.end - j), column_count_, width});
            column_count_ += width;
            j += width;
        }
        row_count_ = rows.size();
    }

    std::int64_t place(const Strip& row, const Strip& column) const { return column.at * row_count_ + row.at * column.width; }

    void start() {
        const std::int64_t size = row_count_ * column_count_;
        const bool chunked = work_.plan.chunk > 0;
        const std::int64_t apart = size + sums_apart<Real>;
        sums_ = thread_scratch<Real>(Scratch::sums, 3 * apart);
        others_ = sums_ + apart;
        totals_ = others_ + apart;
        std::fill_n(sums_, (chunked ? 3 : 2) * apart, Real{0});
        if (work_.first_sums.empty()) return;
        for (const Strip& column : columns_) {
            for (const Strip& row : rows_) {
                Real* to = kept() + place(row, column);
                for (std::int64_t i = 0; i < row.lines; ++i, to += column.width) {
                    for (std::int64_t j = 0; j < column.lines; ++j) to[j] = work_.first_sum(row.begin + i, column.begin + j);
                }
            }
        }
    }
    Real* kept() const { return work_.plan.chunk > 0 ? totals_ : sums_; }

    static void pack(const SumSide<Real>& side, std::int64_t base, const std::vector<Strip>& strips, std::int64_t k, std::int64_t count, Real* to) {
        for (const Strip& strip : strips)
            pack_panel({side.values.data + base, side.line.data() + strip.begin, strip.lines, side.term.data() + k, count, strip.width, to + strip.at * count});
    }

    std::size_t finish() const {
        const std::vector<std::int64_t>&row_output = work_.rows().output, &column_output = work_.columns().output;
        std::size_t nans = 0;
        for (const Strip& row : rows_) {
            for (std::int64_t i = 0; i < row.lines; ++i) {
                const std::int64_t first = base_.output + row_output[static_cast<std::size_t>(row.begin + i)];
                for (const Strip& column : columns_)
                    nans += work_.writer.write(kept() + place(row, column) + i * column.width, column.lines, first, column_output.data() + column.begin);
            }
        }
        return nans;
    }

    const Work<Real>& work_;
    const typename SumProblem<Real>::Base& base_;
    Steps<Real> steps_;
    std::vector<Strip> rows_, columns_;
    std::int64_t row_count_ = 0, column_count_ = 0;
    Real *sums_ = nullptr, *others_ = nullptr, *totals_ = nullptr;
};

template <class Real>
std::size_t form_part(const Work<Real>& work, const typename SumProblem<Real>::Base& base, const Range& rows, const Range& columns) {
    Block<Real> block(work, base);
    std::size_t nans = 0;
    for (std::int64_t j = columns.begin; j < columns.end; j += column_block<Real>) {
        const Range width{j, std::min(j + column_block<Real>, columns.end)};
        for (std::int64_t i = rows.begin; i < rows.end; i += row_block) nans += block.form({i, std::min(i + row_block, rows.end)}, width);
    }
    return nans;
}

std::int64_t vectors_of(std::int64_t columns, std::int64_t lanes) { return (columns + lanes - 1) / lanes; }

// How many parts rows and columns are cut into for `threads`: those whose largest part is least, then those that pack least.
std::pair<std::int64_t, std::int64_t> grid(std::int64_t rows, std::int64_t columns, std::int64_t lanes, std::int64_t threads) {
    const auto cost = [&](std::int64_t parts) {
        const std::int64_t height = (rows + parts - 1) / parts, vectors = vectors_of(vectors_of(columns, lanes), threads / parts);
        return std::pair(height * vectors, height + vectors * lanes);
    };
    std::int64_t best = 1;
    for (std::int64_t parts = 2; parts <= threads; ++parts) {
        if (threads % parts == 0 && cost(parts) < cost(best)) best = parts;
    }
    return {best, threads / best};
}

template <class Real>
std::vector<Real> rounded_bias(const SumProblem<Real>& problem, const Format& format) {
    std::vector<Real> first;
    for (const double b : problem.bias) first.push_back(static_cast<Real>(std::isnan(b) ? b : decode_one(format, encode_one(format, b))));
    return first;
}

}  // namespace

template <class Real>
bool sums_on_lanes(const SumCall& call) {
    return rounded_plan<Real>(call.accumulator, call.left, call.right).has_value();
}

template <class Real>
std::size_t rounded_sums(const SumProblem<Real>& problem, const SumCall& call) {
    const RoundedPlan<Real> plan = *rounded_plan<Real>(call.accumulator, call.left, call.right);
    const RoundedKernels<Real>& kernels = rounded_kernels<Real>();
    const std::int64_t lanes = kernels.lanes, entries = static_cast<std::int64_t>(problem.batch.size());
    const bool exchanged = problem.columns() * vectors_of(problem.rows(), lanes) * 8 < problem.rows() * vectors_of(problem.columns(), lanes) * 7;
    const Work<Real> work{problem, plan, kernels, exchanged, rounded_bias(problem, call.accumulator.format()), RowWriter<Real>(call)};
    const std::int64_t rows = exchanged ? problem.columns() : problem.rows(), columns = exchanged ? problem.rows() : problem.columns();
    const std::int64_t threads = threads_for(entries * rows * columns * std::max<std::int64_t>(problem.terms(), 1) * rounded_work);
    const std::pair<std::int64_t, std::int64_t> split = entries >= threads ? std::pair<std::int64_t, std::int64_t>{1, 1} : grid(rows, columns, lanes, threads);
    const std::int64_t row_parts = split.first, column_parts = split.second, parts = row_parts * column_parts;
    std::size_t nans = 0;
#pragma omp parallel for schedule(static) reduction(+ : nans) num_threads(static_cast <int>(threads)) if (threads > 1)
    for (std::int64_t item = 0; item < entries * parts; ++item) {
        const Range m = part(rows, 1, item % parts / column_parts, row_parts), n = part(columns, lanes, item % column_parts, column_parts);
        if (m.size() > 0) nans += form_part(work, problem.batch[static_cast<std::size_t>(item / parts)], m, n);
    }
    return nans;
}

#define TAPER_INSTANTIATE(Real)                         \
    template bool sums_on_lanes<Real>(const SumCall&); \
    template std::size_t rounded_sums<Real>(const SumProblem<Real>&, const SumCall&);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper::cpu
