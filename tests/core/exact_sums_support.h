// What tests of exact sums share: matrices of codes beside the integers they stand for, and the sums that GMP makes of them.
#pragma once

#include <algorithm>
#include <cmath>

#include <taper/core/exact_rungs.h>

#include "core/product_support.h"
#include "support/exact_reference.h"

namespace taper::tests {

using core::matmul;
using Codes = std::vector<std::uint64_t>;

class ExactSums : public CoreOps {
  protected:
    void SetUp() override {
        CoreOps::SetUp();
        reset_exact_rungs();
    }
};

// A matrix of codes, and what they stand for: integers times 2^lowest.
struct Matrix {
    std::string format;
    Codes codes;
    std::vector<mpz_class> integers;
    std::vector<Exact::Kind> kinds;
    std::vector<bool> negative;
    int lowest = 0;

    Matrix(const std::string& name, const Codes& all) : format(name), codes(all), lowest(Format::parse(name).min_exponent()) {
        const Reference reference(name);
        for (const std::uint64_t code : codes) {
            const Exact x = reference.decode(code);
            const mpq_class scaled = x.kind == Exact::finite ? mpq_class(x.magnitude / power_of_two(lowest)) : mpq_class(0);
            EXPECT_EQ(scaled.get_den(), 1);
            integers.push_back(x.negative ? -scaled.get_num() : scaled.get_num());
            kinds.push_back(x.kind);
            negative.push_back(x.negative);
        }
    }
    Tensor tensor(std::int64_t rows, std::int64_t columns) const { return Tensor::from_codes(codes, {rows, columns}, Format::parse(format)); }
};

// The codes of a [m, k] b [k, n] + bias [n].
inline Codes expected(const Matrix& a, const Matrix& b, std::int64_t m, std::int64_t k, std::int64_t n, const std::string& out,
                      const std::vector<double>& bias = {}, RefMode mode = RefMode::nearest) {
    const Reference reference(out);
    const mpq_class unit = power_of_two(a.lowest + b.lowest);
    Codes codes;
    for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
            mpz_class sum = 0;
            Exact special{Exact::finite, false, 0};
            for (std::int64_t t = 0; t < k; ++t) {
                const std::size_t p = static_cast<std::size_t>(i * k + t), q = static_cast<std::size_t>(t * n + j);
                if (a.kinds[p] == Exact::finite && b.kinds[q] == Exact::finite)
                    mpz_addmul(sum.get_mpz_t(), a.integers[p].get_mpz_t(), b.integers[q].get_mpz_t());
                else
                    special = exact_add(special, exact_mul({a.kinds[p], a.negative[p], abs(a.integers[p])}, {b.kinds[q], b.negative[q], abs(b.integers[q])}));
            }
            mpq_class total = mpq_class(sum) * unit;
            if (!bias.empty()) total += mpq_class(bias[static_cast<std::size_t>(j)]);
            codes.push_back(reference.round(special.kind == Exact::finite ? Exact{Exact::finite, total < 0, abs(total)} : special, mode));
        }
    }
    return codes;
}

// Any code of a NaN as one: formats have several.
inline Codes one_nan(Codes codes, const std::string& format) {
    const Reference reference(format);
    for (std::uint64_t& code : codes) code = reference.is_nan(code) ? reference.round({Exact::nan, false, 0}, RefMode::nearest) : code;
    return codes;
}

enum class Data { network, log_normal, uniform, spread };
constexpr Data every_data[] = {Data::network, Data::log_normal, Data::uniform};

// left: ReLU of N(0, 1), right: N(0, 0.05); log-normal over many binades; any code but NaN and infinity; exponents up to +-450.
inline Codes codes_of(Data data, bool left, const std::string& name, std::int64_t count, std::uint64_t seed) {
    const Format format = Format::parse(name);
    const Reference reference(name);
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    Codes codes;
    while (static_cast<std::int64_t>(codes.size()) < count) {
        const double z = normal(random);
        double x = left ? std::max(z, 0.0) : z * 0.05;
        if (data == Data::log_normal) x = std::exp(4 * z) * (random() % 2 == 0 ? 1 : -1);
        if (data == Data::spread) x = std::ldexp(1 + z * z, static_cast<int>(random() % 900) - 450);
        const std::uint64_t code = data == Data::uniform ? random() & code_mask(format) : encode_one(format, x);
        if (reference.decode(code).kind == Exact::finite) codes.push_back(code);
    }
    return codes;
}

struct Sizes {
    std::int64_t m, k, n;
};

inline Codes product(const Matrix& a, const Matrix& b, const Sizes& z, const std::string& out, const Tensor& bias = {},
                     const Accumulator& accumulator = Accumulator::exact(), Rounding mode = Rounding::nearest) {
    return matmul(a.tensor(z.m, z.k), b.tensor(z.k, z.n), {.accumulator = accumulator, .output = Target(Format::parse(out), mode), .bias = bias}).codes();
}

inline void check(const std::string& left, const std::string& right, const std::string& out, const Sizes& z, Data data, std::uint64_t seed) {
    const Matrix a(left, codes_of(data, true, left, z.m * z.k, seed)), b(right, codes_of(data, false, right, z.k * z.n, seed + 1));
    EXPECT_EQ(product(a, b, z, out), expected(a, b, z.m, z.k, z.n, out))
        << left << " " << right << " -> " << out << ": " << z.m << " " << z.k << " " << z.n << ", data " << static_cast<int>(data);
}

}  // namespace taper::tests
