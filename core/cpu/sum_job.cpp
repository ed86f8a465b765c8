#include <taper/core/cpu/sum_job.h>

#include <bit>
#include <cmath>
#include <cstdlib>

namespace taper {

const ExactKernels& exact_kernels() {
#if defined(TAPER_X86_LEVELS)
    if (cpu_level() == CpuLevel::avx512) return avx512::exact_kernels();
    if (cpu_level() == CpuLevel::avx2) return avx2::exact_kernels();
#endif
    return plain::exact_kernels();
}

namespace cpu {

namespace {

constexpr std::int64_t block_terms = 256;  // a panel of them stays in the first cache
constexpr std::int64_t few_tiles = 32, most_sections = 16;
// A sum of so many products of slices, in so many passes (pass_limit of sum_unit.cpp), stays below 2^51.
static_assert(2 * (slice_bits - 1) + std::bit_width(static_cast<std::uint64_t>(block_terms)) + 3 <= 51);

// Of a format: all its values are integers of fewer bits than the slices have, times 2^lowest.
Slicing slicing_of(const Format& format) {
    const int bits = format.max_exponent() - format.min_exponent() + 1;
    return {(bits + slice_bits) / slice_bits, format.min_exponent()};
}

struct Exponents {
    int lowest, highest;  // of a set bit
};

Exponents exponents_of(const std::vector<double>& values, Exponents known) {
    for (const double x : values) {
        if (!std::isfinite(x) || x == 0) continue;
        int exponent;
        const double significand = std::frexp(x, &exponent);
        const std::uint64_t integer = static_cast<std::uint64_t>(std::fabs(std::ldexp(significand, 53)));
        known = {std::min(known.lowest, exponent - 53 + std::countr_zero(integer)), std::max(known.highest, exponent - 1)};
    }
    return known;
}

// Magnitudes of at most 2^14: a sum of two products stays below 2^31.
bool are_short_integers(const Format& format) {
    return format.exact_in_float32() && format.max_exponent() + 1 - format.min_exponent() <= 14 && std::abs(format.min_exponent()) <= 100;
}

int ceiling_log2(std::int64_t n) { return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(n))); }

}  // namespace

SumJob::SumJob(const SumProblem<double>& given, const SumCall& of, Proof wanted) : problem(given), call(of), kernels(exact_kernels()), proof(wanted) {
    const std::int64_t terms = problem.terms();
    height = even_width(problem.rows(), kernels.rows);
    strips = (problem.rows() + height - 1) / height;
    width = 2 * kernels.lanes;
    panels = (problem.columns() + width - 1) / width;
    block = terms == 0 ? 0 : even_width(terms, block_terms);
    blocks = terms == 0 ? 1 : (terms + block - 1) / block;
    const bool few = strips * panels * static_cast<std::int64_t>(problem.batch.size()) <= few_tiles;
    sections = few && blocks >= 4 ? std::min(blocks, most_sections) : 1;
    if (proof == Proof::none) return;
    left = slicing_of(call.left);
    right = slicing_of(call.right);
    const int products = left.lowest + right.lowest;
    const Exponents e = exponents_of(problem.bias, {products, call.left.max_exponent() + call.right.max_exponent() + 1 + ceiling_log2(terms)});
    first_limb = (products - e.lowest + slice_bits - 1) / slice_bits;
    sums.lowest = products - first_limb * slice_bits;
    sums.slices = (e.highest + 3 - sums.lowest) / slice_bits + 2;
    // Sums of a block have the bits of a product and some more; data seldom fill the range of their formats.
    const int bits = call.left.max_exponent() - left.lowest + call.right.max_exponent() - right.lowest + 2;
    pairs = are_short_integers(call.left) && are_short_integers(call.right);
    floats = !pairs && call.left.exact_in_float32() && call.right.exact_in_float32() && bits <= 42;
}

bool SumJob::within_reach() const {
    const bool doubles = call.left == Format::float64() || call.right == Format::float64();
    return !doubles && left.slices <= slice_limit && right.slices <= slice_limit && sums.slices <= 3 * slice_limit;
}

bool SumJob::odd_in_reach() const { return sums.lowest > -1000 && sums.lowest + slice_bits * sums.slices < 1000; }

}  // namespace cpu
}  // namespace taper
