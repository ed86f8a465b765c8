#include <taper/core/cpu/sums.h>

#include <cmath>
#include <cstring>

#include <taper/core/cpu/operand.h>
#include <taper/core/cpu/split.h>
#include <taper/core/serial_sum.h>

namespace taper::cpu {

namespace {

constexpr std::int64_t serial_work = 16;  // a term of a serial sum costs this many multiply-adds of the fast kernels, or more

// Calls body(i, j, batch entry) for the outputs of row number `row` of the whole batch.
struct OutputRow {
    std::int64_t entry, i;
    template <class Real>
    OutputRow(const SumProblem<Real>& problem, std::int64_t row) : entry(row / problem.rows()), i(row % problem.rows()) {}
};

template <class Real>
std::int64_t row_count(const SumProblem<Real>& problem) {
    return problem.rows() * static_cast<std::int64_t>(problem.batch.size());
}

}  // namespace

std::size_t serial_sums(const SumProblem<double>& problem, const SumCall& call) {
    const std::int64_t rows = row_count(problem), columns = problem.columns(), terms = problem.terms();
    const Format& format = call.y.format();
    const int width = format.storage_bytes();
    const bool has_nan = format.has_nan();
    void* const codes = call.y.mutable_data();
    std::size_t nans = 0;
#pragma omp parallel reduction(+ : nans) if (threads_for(rows * columns * terms * serial_work) > 1)
    {
        SerialSum sum(call.accumulator, call.left, call.right, call.mode.draws);
#pragma omp for schedule(static)
        for (std::int64_t row = 0; row < rows; ++row) {
            const OutputRow at_row(problem, row);
            const SumProblem<double>::Base& base = problem.batch[static_cast<std::size_t>(at_row.entry)];
            const std::int64_t i = at_row.i;
            const double* const left = problem.left.values.data + base.left + problem.left.line[i];
            for (std::int64_t j = 0; j < columns; ++j) {
                const double* const right = problem.right.values.data + base.right + problem.right.line[j];
                const std::int64_t index = base.output + problem.left.output[i] + problem.right.output[j];
                sum.start(static_cast<std::uint64_t>(index),
                          problem.bias.empty() ? 0 : problem.bias[static_cast<std::size_t>(base.bias + (problem.bias_of_rows ? i : j))]);
                for (std::int64_t k = 0; k < terms; ++k) sum.add(left[problem.left.term[k]], right[problem.right.term[k]]);
                const std::uint64_t code = sum.finish(format, call.mode);  // little-endian: its low bytes come first
                std::memcpy(at(codes, index, width), &code, static_cast<std::size_t>(width));
                nans += !has_nan && sum.is_nan() ? 1 : 0;
            }
        }
    }
    return nans;
}

}  // namespace taper::cpu
