// Exact sums of products, and sums in float64, by tiles over a SumJob: how they are shared out to threads.
#include <taper/core/cpu/sums.h>

#include <memory>

#include <taper/core/cpu/sum_unit.h>
#include <taper/core/rung_counts.h>

namespace taper::cpu {

namespace {

constexpr std::int64_t unit_rows = 504, unit_columns = 1024;  // whose sums are kept at a time

struct Result {
    std::size_t nans = 0;
    ExactRungs rungs;
};

// The tiles of one part of one batch entry, unit by unit.
void sum_part(const SumJob& job, std::int64_t entry, const Range& strips, const Range& panels, Result& result) {
    const std::int64_t strip_step = std::max<std::int64_t>(unit_rows / job.height, 1), panel_step = unit_columns / job.width;
    for (std::int64_t panel = panels.begin; panel < panels.end; panel += panel_step) {
        for (std::int64_t strip = strips.begin; strip < strips.end; strip += strip_step) {
            const Range rows{strip, std::min(strips.end, strip + strip_step)}, columns{panel, std::min(panels.end, panel + panel_step)};
            SumUnit unit(job, entry, rows, columns, thread_scratch<double>(Scratch::sums, SumUnit::size(job, rows, columns)));
            unit.add_terms({0, job.blocks});
            result.nans += unit.finish();
            result.rungs += unit.rungs();
        }
    }
}

// Threads take rows or columns, whichever are more.
Result sum_tiles(const SumJob& job, std::int64_t threads) {
    const std::int64_t entries = static_cast<std::int64_t>(job.problem.batch.size());
    const std::int64_t parts = entries >= threads ? 1 : threads, items = entries * parts;
    const bool by_rows = job.problem.rows() > job.problem.columns();
    const std::int64_t pair = 2;  // panels that float32 takes at a time
    Result result;
#pragma omp parallel num_threads(static_cast <int>(threads)) if (threads > 1)
    {
        Result mine;
#pragma omp for schedule(static)
        for (std::int64_t item = 0; item < items; ++item) {
            const Range strips = by_rows ? part(job.strips, 1, item % parts, parts) : Range{0, job.strips};
            const Range panels = by_rows ? Range{0, job.panels} : part(job.panels, pair, item % parts, parts);
            if (strips.size() > 0 && panels.size() > 0) sum_part(job, item / parts, strips, panels, mine);
        }
#pragma omp critical(taper_exact_sums)
        {
            result.nans += mine.nans;
            result.rungs += mine.rungs;
        }
    }
    return result;
}

// Threads take sections of the terms; their sums are added in order.
Result sum_sections(const SumJob& job, std::int64_t threads) {
    Result result;
    for (std::int64_t entry = 0; entry < static_cast<std::int64_t>(job.problem.batch.size()); ++entry) {
        std::vector<std::unique_ptr<SumUnit>> units;
        for (std::int64_t s = 0; s < job.sections; ++s)
            units.push_back(std::make_unique<SumUnit>(job, entry, Range{0, job.strips}, Range{0, job.panels}, nullptr));
#pragma omp parallel for schedule(static) num_threads(static_cast <int>(threads)) if (threads > 1)
        for (std::int64_t s = 0; s < job.sections; ++s) units[static_cast<std::size_t>(s)]->add_terms(part(job.blocks, 1, s, job.sections));
        for (std::size_t s = 1; s < units.size(); ++s) units[0]->add(*units[s]);
        result.nans += units[0]->finish();
        result.rungs += units[0]->rungs();
    }
    return result;
}

Result sum(const SumJob& job) {
    const std::int64_t outputs = job.problem.rows() * job.problem.columns() * static_cast<std::int64_t>(job.problem.batch.size());
    if (outputs == 0) return {};
    const std::int64_t threads = threads_for(outputs * std::max<std::int64_t>(job.problem.terms(), 1));
    return job.sections > 1 ? sum_sections(job, threads) : sum_tiles(job, threads);
}

}  // namespace

std::size_t exact_sums(const SumProblem<double>& problem, const SumCall& call) {
    const SumJob job(problem, call, Proof::exact);
    if (!job.within_reach()) {
        count_rungs({.scalar = static_cast<std::uint64_t>(job.strips * job.panels * job.blocks) * problem.batch.size()});
        return serial_sums(problem, call);
    }
    const Result result = sum(job);
    count_rungs(result.rungs);
    return result.nans;
}

std::size_t float64_sums(const SumProblem<double>& problem, const SumCall& call) { return sum(SumJob(problem, call, Proof::none)).nans; }

}  // namespace taper::cpu
