// RoundedSteps: advances tiles of sums term by term as a RoundedPlan says, by one thread.
#pragma once

#include <algorithm>
#include <cstring>

#include <taper/core/cpu/rounded_plan.h>
#include <taper/core/cpu/scratch.h>

namespace taper::cpu {

constexpr std::int64_t guess_terms = 32;  // between two looks at what was guessed

template <class Real>
class RoundedSteps {
  public:
    RoundedSteps(const RoundedPlan<Real>& plan, const RoundedKernels<Real>& kernels, std::int64_t all_terms)
        : plan_(plan), kernels_(kernels), all_terms_(all_terms) {}

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
        const int guessing = static_cast<int>(plan_.guessing);
        switch (plan_.kind) {
            case StepKind::fused:
                return guessed(tile, kernels_.guess_fused[guessing], kernels_.fused[round]);
            case StepKind::in_lane:
                return guessed(tile, kernels_.guess_in_lane[guessing], kernels_.in_lane[round]);
            case StepKind::compensated:
                return kernels_.compensated[round](plan_.round, tile);
            case StepKind::split:
                return split(tile);
        }
    }

    // Guesses until more than a third of them were wrong.
    void guessed(RoundTile<Real> tile, typename RoundedKernels<Real>::Guess guess, typename RoundedKernels<Real>::Kernel kernel) {
        if (guess == nullptr) return kernel(plan_.round, tile);
        const std::int64_t size = tile.rows * columns(tile);
        Real* const saved = thread_scratch<Real>(Scratch::partial, size);
        for (std::int64_t rest = tile.terms; rest > 0; rest -= guess_terms) {
            const bool guessing = wrong_ * 3 <= guesses_ + 32;
            tile.terms = guessing ? std::min(rest, guess_terms) : rest;
            if (!guessing) return kernel(plan_.round, tile);
            ++guesses_;
            std::copy_n(tile.sum, size, saved);
            if (!guess(plan_.round, tile)) {
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

}  // namespace taper::cpu
