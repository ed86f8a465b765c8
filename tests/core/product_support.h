// What the tests of sums of products share: operands whose sums float32 holds exactly, and how they are compared.
#pragma once

#include <omp.h>

#include "core/ops_support.h"

namespace taper::tests {

// Integers in [-limit, limit]: every format here holds them, and float32 their sums.
struct Integers {
    std::vector<int> values;
    Tensor tensor;
    Integers(const Shape& shape, std::uint64_t seed, const Format& format = {}, int limit = 4) : values(static_cast<std::size_t>(shape.elements())) {
        std::mt19937_64 random(seed);
        std::uniform_int_distribution<int> integer(-limit, limit);
        std::vector<float> floats;
        for (int& v : values) floats.push_back(static_cast<float>(v = integer(random)));
        tensor = Tensor::from(std::span<const float>(floats), shape, format);
    }
};

inline Tensor normal(const Shape& shape, std::uint64_t seed, const Format& format = {}) {
    return Tensor::from(std::span<const double>(normal_values(static_cast<std::size_t>(shape.elements()), seed)), shape, format);
}

inline std::vector<std::uint64_t> rounded(const std::vector<double>& sums, const Format& format) {
    std::vector<std::uint64_t> codes;
    for (const double s : sums) codes.push_back(encode_one(format, s));
    return codes;
}

// f() with 1, 2 and 3 threads, code by code.
template <class F>
void expect_same_for_all_thread_counts(const F& f, const std::string& what) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    const auto one = f().codes();
    for (const int threads : {2, 3}) {
        omp_set_num_threads(threads);
        EXPECT_EQ(f().codes(), one) << what << ", " << threads << " threads";
    }
    omp_set_num_threads(before);
}

}  // namespace taper::tests
