#include <taper/core/cpu/rounded_sums.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <taper/core/cpu/rounded_steps.h>
#include <taper/core/cpu/row_writer.h>
#include <taper/core/cpu/scratch.h>
#include <taper/core/cpu/split.h>
#include <taper/core/cpu/sum_panel.h>
#include <taper/core/cpu/sums.h>
#include <taper/formats/convert.h>

namespace taper::cpu {

namespace {

constexpr std::int64_t tile_rows = 8, row_block = 192;
template <class Real>
constexpr std::int64_t column_block = 512 / sizeof(Real);  // more of fewer rows; sums: 96 KiB, up to three times
constexpr std::int64_t most_blocks = 8;
template <class Real>
constexpr std::int64_t depth_block = 1024 / sizeof(Real);  // packed: 192 KiB of rows, 128 of columns
template <class Real>
constexpr std::int64_t sums_apart = 2112 / sizeof(Real);  // so that a sum and its compensation do not share their address modulo 4096
constexpr std::int64_t rounded_work = 4;                  // a term costs this many multiply-adds of the fast kernels, or more

// Lines [begin, begin + lines) of a side; their place among the packed ones starts at `at`.
struct Strip {
    std::int64_t begin, lines, at, width;
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
    bool first_sums_of_rows() const { return problem.bias_of_rows != exchanged; }
};

// One block of outputs of a thread: its panels, its sums, and the run over the terms.
template <class Real>
class Block {
  public:
    Block(const Work<Real>& work, const typename SumProblem<Real>::Base& base)
        : work_(work), base_(base), steps_(work.plan, work.kernels, work.problem.terms()) {}

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
                    steps_.advance(
                        {count, row.lines, column.width / work_.kernels.lanes, left + row.at * count, right + column.at * count, sums_ + at, others_ + at}, k,
                        totals_ + at);
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
                    if (work_.first_sums_of_rows())
                        std::fill_n(to, column.width, work_.first_sums[static_cast<std::size_t>(base_.bias + row.begin + i)]);
                    else
                        std::copy_n(work_.first_sums.data() + base_.bias + column.begin, column.lines, to);
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
        const Offsets &row_output = work_.rows().output, &column_output = work_.columns().output;
        std::size_t nans = 0;
        for (const Strip& row : rows_) {
            for (std::int64_t i = 0; i < row.lines; ++i) {
                const std::int64_t first = base_.output + row_output[row.begin + i];
                for (const Strip& column : columns_)
                    nans += work_.writer.write(kept() + place(row, column) + i * column.width, column.lines, first, column_output.data() + column.begin);
            }
        }
        return nans;
    }

    const Work<Real>& work_;
    const typename SumProblem<Real>::Base& base_;
    RoundedSteps<Real> steps_;
    std::vector<Strip> rows_, columns_;
    std::int64_t row_count_ = 0, column_count_ = 0;
    Real *sums_ = nullptr, *others_ = nullptr, *totals_ = nullptr;
};

template <class Real>
std::size_t form_part(const Work<Real>& work, const typename SumProblem<Real>::Base& base, const Range& rows, const Range& columns) {
    Block<Real> block(work, base);
    std::size_t nans = 0;
    // As many sums and packed elements as a full block has.
    const std::int64_t by_rows = row_block / std::min(rows.size(), row_block),
                       by_terms = depth_block<Real> / std::clamp<std::int64_t>(work.problem.terms(), 1, depth_block<Real>);
    const std::int64_t wide = std::min({by_rows, by_terms, most_blocks}) * column_block<Real>;
    for (std::int64_t j = columns.begin; j < columns.end; j += wide) {
        const Range width{j, std::min(j + wide, columns.end)};
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

#define TAPER_INSTANTIATE(Real)                        \
    template bool sums_on_lanes<Real>(const SumCall&); \
    template std::size_t rounded_sums<Real>(const SumProblem<Real>&, const SumCall&);
TAPER_INSTANTIATE(float)
TAPER_INSTANTIATE(double)
#undef TAPER_INSTANTIATE

}  // namespace taper::cpu
