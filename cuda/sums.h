// Sums in float64 in the order that the CPU has (core/cpu/reduce.h): blocks of 4096 elements, 8 interleaved lanes; lanes, then blocks added in order.
#pragma once

#include <taper/cuda/launch.h>
#include <taper/formats/lane.h>

namespace taper::cuda {

constexpr std::int64_t sum_block = 4096, sum_lanes = 8;
constexpr int terms_at_once = 8;  // that a lane reads before it adds them in turn

// What is summed: a double, or two sums formed at once.
struct TwoSums {
    double s = 0, q = 0;
    TAPER_FN TwoSums& operator+=(const TwoSums& other) {
        s += other.s;
        q += other.q;
        return *this;
    }
};

inline std::int64_t blocks_of(std::int64_t length) { return length <= sum_block ? 1 : (length + sum_block - 1) / sum_block; }

template <class Sum, class Term>
void sum_lanes_of(Runtime& runtime, std::int64_t count, std::int64_t length, std::int64_t blocks, const Term term, Sum* partial) {
    for_each(runtime, count * blocks * sum_lanes, TAPER_BODY(std::int64_t i) {
        const std::int64_t lane = i % sum_lanes, block = i / sum_lanes % blocks, sequence = i / sum_lanes / blocks;
        const std::int64_t begin = block * sum_block, end = begin + sum_block < length ? begin + sum_block : length;
        Sum sum = {};
        std::int64_t k = begin + lane;
        for (; k + (terms_at_once - 1) * sum_lanes < end; k += terms_at_once * sum_lanes) {
            Sum terms[terms_at_once];
            TAPER_UNROLL
            for (int u = 0; u < terms_at_once; ++u) terms[u] = term(sequence, k + u * sum_lanes);
            TAPER_UNROLL
            for (int u = 0; u < terms_at_once; ++u) sum += terms[u];
        }
        for (; k < end; k += sum_lanes) sum += term(sequence, k);
        partial[i] = sum;
    });
}

template <class Sum>
void add_lanes_and_blocks(Runtime& runtime, std::int64_t count, std::int64_t blocks, const Sum* partial, Sum* sums) {
    for_each(runtime, count, TAPER_BODY(std::int64_t sequence) {
        Sum total = {};
        for (std::int64_t block = 0; block < blocks; ++block) {
            const Sum* const lane = partial + (sequence * blocks + block) * sum_lanes;
            Sum sum = lane[0];
            for (std::int64_t l = 1; l < sum_lanes; ++l) sum += lane[l];
            total += sum;
        }
        sums[sequence] = total;
    });
}

// sums[q] = sum over k in [0, length) of term(q, k), for q in [0, count).
template <class Sum, class Term>
Buffer<Sum> ordered_sums(Runtime& runtime, std::int64_t count, std::int64_t length, const Term& term) {
    const std::int64_t blocks = blocks_of(length);
    const Buffer<Sum> partial(runtime, count * blocks * sum_lanes);
    Buffer<Sum> sums(runtime, count);
    sum_lanes_of(runtime, count, length, blocks, term, partial.data());
    add_lanes_and_blocks(runtime, count, blocks, partial.data(), sums.data());
    return sums;
}

// Numbers in memory as terms: element k of sequence q at q * length + k.
struct ArrayTerm {
    const double* values;
    std::int64_t length;
    TAPER_FN double operator()(std::int64_t q, std::int64_t k) const { return values[q * length + k]; }
};

// best[q] = the largest of term(q, k); a NaN wins.
template <class Term>
void maxima_each(Runtime& runtime, std::int64_t count, std::int64_t length, std::int64_t parts, const Term term, double* best) {
    for_each(runtime, count * parts, TAPER_BODY(std::int64_t i) {
        double top = -bits_as<double>(std::uint64_t{0x7ff0000000000000});
        for (std::int64_t k = i % parts; k < length; k += parts) {
            const double v = term(i / parts, k);
            if (!(v <= top) && top == top) top = v;
        }
        best[i] = top;
    });
}

template <class Term>
Buffer<double> maxima(Runtime& runtime, std::int64_t count, std::int64_t length, const Term& term) {
    const std::int64_t parts = length > 64 ? 32 : 1;
    const Buffer<double> partial(runtime, count * parts);
    maxima_each(runtime, count, length, parts, term, partial.data());
    Buffer<double> best(runtime, count);
    maxima_each(runtime, count, parts, 1, ArrayTerm{partial.data(), parts}, best.data());
    return best;
}

}  // namespace taper::cuda
