// What the forward and the backward kernels of normalisation share.
#pragma once

#include <cmath>
#include <vector>

#include <taper/core/cpu/norm_kernels.h>
#include <taper/core/cpu/norm_shape.h>
#include <taper/core/cpu/reduce.h>

namespace taper::cpu {

template <class T>
const NormLoops<T>& loops() {
    if constexpr (sizeof(T) == 4) {
        return norm_kernels().float32;
    } else {
        return norm_kernels().float64;
    }
}

// body.operator()<float>() where float32 holds every value of the formats, else of double.
template <class Body>
auto in_compute_type(std::initializer_list<Format> formats, const Body& body) {
    for (const Format& format : formats) {
        if (!format.exact_in_float32()) return body.template operator()<double>();
    }
    return body.template operator()<float>();
}

inline std::vector<double> values_of(const Tensor& x) {
    std::vector<double> values(static_cast<std::size_t>(x.elements()));
    decode(x.format(), x.data(), values.size(), values.data());
    return values;
}

// `missing` where the tensor is undefined; each value `times` times.
inline std::vector<double> repeated(const Tensor& x, std::int64_t size, double missing, std::int64_t times) {
    const std::vector<double> values = x.defined() ? values_of(x) : std::vector<double>(static_cast<std::size_t>(size), missing);
    std::vector<double> all;
    all.reserve(values.size() * static_cast<std::size_t>(times));
    for (const double value : values) all.insert(all.end(), static_cast<std::size_t>(times), value);
    return all;
}

// What a group's elements are shifted, scaled and weighted with, by segment (norm_shape.h).
struct Affine {
    std::vector<double> mean, k, weight, bias;  // k = 1 / sqrt(variance + eps)
    std::vector<double> scale;                  // k weight, of channels
    Affine(const NormShape& z, const core::Moments& moments, const Tensor& w, const Tensor& b, double eps)
        : mean(values_of(moments.mean)), k(values_of(moments.variance)), weight(repeated(w, z.c, 1, z.repeats())), bias(repeated(b, z.c, 0, z.repeats())) {
        for (double& value : k) value = 1 / std::sqrt(value + eps);
        for (std::size_t c = 0; z.by_channel() && c < k.size(); ++c) scale.push_back(k[c] * weight[c]);
    }
};

struct TwoSums {
    std::vector<double> s, q;
};

// Two sums over each sequence: body(sequence, begin, count, s, q) adds `count` <= lane_block elements to eight lanes of each.
template <class Body>
TwoSums sum_sequences(const Sequences& z, const Body& body) {
    const std::int64_t blocks = (z.length + sum_block - 1) / sum_block, pieces = z.count * blocks;
    TwoSums partial = {std::vector<double>(static_cast<std::size_t>(pieces)), std::vector<double>(static_cast<std::size_t>(pieces))};
#pragma omp parallel for schedule(static) if (z.count * z.length >= parallel_from)
    for (std::int64_t i = 0; i < pieces; ++i) {
        alignas(64) double s[sum_lanes] = {}, q[sum_lanes] = {};
        const std::int64_t first = i % blocks * sum_block, end = std::min(z.length, first + sum_block);
        for (std::int64_t begin = first; begin < end; begin += lane_block) body(i / blocks, begin, std::min(lane_block, end - begin), s, q);
        partial.s[static_cast<std::size_t>(i)] = add_lanes(s);
        partial.q[static_cast<std::size_t>(i)] = add_lanes(q);
    }
    if (blocks == 1) return partial;
    TwoSums sums = {std::vector<double>(static_cast<std::size_t>(z.count)), std::vector<double>(static_cast<std::size_t>(z.count))};
    for (std::size_t i = 0; i < partial.s.size(); ++i) {
        sums.s[i / static_cast<std::size_t>(blocks)] += partial.s[i];
        sums.q[i / static_cast<std::size_t>(blocks)] += partial.q[i];
    }
    return sums;
}

}  // namespace taper::cpu
