// Exact sums of products, against OpenBLAS in float64 and float32: on data of a network, and on codes drawn at random.
#include <omp.h>

#include <cmath>
#include <span>

#include <fmt/format.h>

#include <taper/core/ops.h>
#include <taper/core/random.h>

#include "goal.h"
#include "yardstick.h"

namespace taper::bench {
namespace {

enum class Data { network, hostile };

// max(0, N(0, 1)) and N(0, 1/400); or any codes but NaR.
struct Operands {
    Tensor a, b;
    Operands(int n, const Format& format, Data data) {
        if (data == Data::network) {
            std::vector<float> weights = randn({n, n}).to_vector();
            for (float& w : weights) w /= 20;
            a = core::unary(Unary::relu, randn({n, n})).to(format);
            b = Tensor::from(std::span<const float>(weights), {n, n}, format);
        } else {
            a = random_codes(n, format);
            b = random_codes(n, format);
        }
    }
    static Tensor random_codes(int n, const Format& format) {
        const double codes = static_cast<double>(std::uint64_t{1} << format.bits()), nar = codes / 2;
        std::vector<std::uint64_t> all;
        for (const double u : taper::uniform({n, n}, 0, 1, Format::float64()).to_vector_double()) {
            const double code = std::floor(u * codes);
            all.push_back(code == nar ? 1 : static_cast<std::uint64_t>(code));
        }
        return Tensor::from_codes(all, {n, n}, format);
    }
    void multiply() const { core::matmul(a, b, {.accumulator = Accumulator::exact()}); }
};

// Speed on one core over OpenBLAS's on as many numbers of type Real.
template <class Real>
Outcome over_blas(int n, const Format& format, Data data, const Effort& effort) {
    const OpenBlas blas;
    if (!blas.found()) return {{}, "no libopenblas.so.0 here"};
    omp_set_num_threads(1);
    const Operands operands(n, format, data);
    const std::vector<float> values = randn({n, n}).to_vector();
    const std::vector<Real> x(values.begin(), values.end());
    std::vector<Real> y(x.size());
    return speed_over([&] { blas.multiply(n, x.data(), x.data(), y.data()); }, [&] { operands.multiply(); }, effort);
}

// One thread, then two.
Outcome two_threads(const Effort& effort) {
    const Operands operands(1024, Format::posit(8, 2), Data::network);
    const auto run = [&](int threads) {
        omp_set_num_threads(threads);
        operands.multiply();
    };
    return speed_over([&] { run(1); }, [&] { run(2); }, effort);
}

std::string label(const Format& posit) {
    const Posit& p = std::get<Posit>(posit.family());
    return fmt::format("exact_posit{}_{}", p.n, p.es);
}

}  // namespace

std::vector<Goal> exact_goals() {
    std::vector<Goal> goals;
    const Format short_integers = Format::posit(8, 0);
    const std::vector<Format> others{Format::posit(8, 1), Format::posit(8, 2), Format::posit(16, 1)};
    for (const int n : {256, 512, 1024, 2048}) {
        goals.push_back({fmt::format("{}_over_sgemm_{}", label(short_integers), n), Bound::at_least, 0.70,
                         [=](const Effort& effort) { return over_blas<float>(n, short_integers, Data::network, effort); }});
        for (const Format& f : others)
            goals.push_back({fmt::format("{}_over_dgemm_{}", label(f), n), Bound::at_least, 0.85,
                             [=](const Effort& effort) { return over_blas<double>(n, f, Data::network, effort); }});
    }
    goals.push_back({fmt::format("{}_random_codes_over_dgemm", label(short_integers)), Bound::at_least, 0.03,
                     [=](const Effort& effort) { return over_blas<double>(512, short_integers, Data::hostile, effort); }});
    for (const Format& f : others)
        goals.push_back({fmt::format("{}_random_codes_over_dgemm", label(f)), Bound::at_least, 0.03,
                         [=](const Effort& effort) { return over_blas<double>(512, f, Data::hostile, effort); }});
    goals.push_back({"exact_two_threads", Bound::at_least, 1.80, two_threads});
    return goals;
}

}  // namespace taper::bench
