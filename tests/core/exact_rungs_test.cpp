// Which rungs of the CPU's exact sums are taken.
#include "core/exact_sums_support.h"

namespace taper::tests {
namespace {

// Each rung is taken by the data it is made for, and only the last one by what is beyond the others.
TEST_F(ExactSums, EachRungIsTakenByTheDataItIsMadeFor) {
    const auto rungs = [](const char* format, Data data, std::int64_t k) {
        reset_exact_rungs();
        check(format, format, format, {16, k, 33}, data, 91);
        return exact_rungs();
    };
    const auto sum = [](const ExactRungs& r) { return r.integers + r.float32 + r.float64 + r.slices + r.scalar; };
    for (const Data data : every_data) {
        const ExactRungs integers = rungs("posit(8,0)", data, 1000);
        EXPECT_EQ(integers.integers, sum(integers));
        EXPECT_GT(integers.integers, 0u);
    }
    const ExactRungs narrow = rungs("e4m3", Data::network, 100), usual = rungs("posit(16,1)", Data::network, 100),
                     hostile = rungs("posit(16,1)", Data::uniform, 100), wide = rungs("posit(32,2)", Data::log_normal, 100),
                     wider = rungs("posit(32,4)", Data::spread, 100), twice = rungs("posit(16,1)", Data::network, 500);
    EXPECT_EQ(narrow.float32, sum(narrow));
    EXPECT_EQ(usual.float64, sum(usual));
    EXPECT_GT(hostile.slices, 0u);
    EXPECT_EQ(wide.slices, sum(wide));
    EXPECT_EQ(wider.scalar, sum(wider));
    EXPECT_GT(wider.scalar, 0u);
    EXPECT_EQ(sum(twice), 2 * sum(usual));
    EXPECT_EQ(sum(hostile), sum(usual));
    reset_exact_rungs();
    check("float64", "posit(8,1)", "posit(8,1)", {2, 3, 2}, Data::network, 92);
    EXPECT_GT(exact_rungs().scalar, 0u);
    reset_exact_rungs();
    EXPECT_EQ(sum(exact_rungs()), 0u);
}

}  // namespace
}  // namespace taper::tests
