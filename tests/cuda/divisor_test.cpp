// Divisor against division: at every multiple's edges of many divisors, at random, and beyond the range of the product.
#include <gtest/gtest.h>

#include <random>

#include <taper/cuda/divisor.h>

namespace taper::cuda {
namespace {

void expect_division(std::int64_t n, std::int64_t d) {
    const Divisor divisor = d;
    ASSERT_EQ(n / divisor, n / d) << n << " / " << d;
    ASSERT_EQ(n % divisor, n % d) << n << " % " << d;
}

TEST(Divisor, IsRightAtEveryMultipleOfSmallRanges) {
    for (std::int64_t d = 1; d <= 300; ++d)
        for (std::int64_t n = 0; n <= 3000; ++n) expect_division(n, d);
}

TEST(Divisor, IsRightAtTheEdgesOfMultiples) {
    std::mt19937_64 random(1);
    const std::int64_t limit = std::int64_t{1} << 31;
    std::vector<std::int64_t> divisors{limit - 1, limit, limit + 1, limit / 2, limit / 2 + 1, limit / 2 - 1};
    for (int bits = 1; bits < 40; ++bits)
        for (const std::int64_t off : {-1, 0, 1}) divisors.push_back(std::max<std::int64_t>((std::int64_t{1} << bits) + off, 1));
    for (int i = 0; i < 3000; ++i) divisors.push_back(static_cast<std::int64_t>(random() >> (30 + random() % 34)) + 1);
    for (const std::int64_t d : divisors) {
        for (int i = 0; i < 300; ++i) {
            const std::int64_t multiple = static_cast<std::int64_t>(random() % (static_cast<std::uint64_t>(limit / d) + 2)) * d;
            for (const std::int64_t off : {-1, 0, 1}) expect_division(std::max<std::int64_t>(multiple + off, 0), d);
        }
        for (const std::int64_t n : {limit - 1, limit - 2, limit, limit + 1, std::int64_t{1} << 62}) expect_division(n, d);
    }
}

}  // namespace
}  // namespace taper::cuda
