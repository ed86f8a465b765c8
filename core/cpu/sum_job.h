// SumJob: a SumProblem cut into tiles and blocks of terms, and what its formats say about the rungs; by shape, formats and CPU level alone.
#pragma once

#include <taper/core/cpu/exact_kernels.h>
#include <taper/core/cpu/split.h>
#include <taper/core/cpu/sums.h>

namespace taper::cpu {

enum class Proof : std::uint8_t { none, exact };  // are inexact sums kept, or redone on the next rung?

struct SumJob {
    SumJob(const SumProblem<double>& sums, const SumCall& of, Proof wanted);

    const SumProblem<double>& problem;
    const SumCall& call;
    const ExactKernels& kernels;
    Proof proof;

    // A tile is one strip of `height` rows by one panel of `width` columns.
    std::int64_t height, strips, width, panels;
    std::int64_t block, blocks;  // terms of a block
    std::int64_t sections;       // the blocks are summed in so many parts apart, which are added at the end: where tiles are few and terms many
    std::int64_t tile_size() const { return height * width; }
    Range rows(std::int64_t strip) const { return {strip * height, std::min(problem.rows(), (strip + 1) * height)}; }
    Range columns(std::int64_t panel) const { return {panel * width, std::min(problem.columns(), (panel + 1) * width)}; }
    Range terms(std::int64_t number) const { return {number * block, std::min(problem.terms(), (number + 1) * block)}; }

    // Of Proof::exact.
    bool pairs = false;         // the values are 16-bit integers times a power of two
    bool floats = false;        // float32 is likely to be exact
    Slicing left, right, sums;  // of the operands; of the sums, as limbs
    int first_limb = 0;         // the limb of products of lowest slices
    bool within_reach() const;  // else only serial sums are exact
    bool odd_in_reach() const;  // float64 holds the sums rounded to odd
};

}  // namespace taper::cpu
