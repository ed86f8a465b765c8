// Sums whose steps round stochastically, bit for bit against SerialSum, which defines them and their draws.
#include "core/rounded_sums_support.h"

namespace taper::tests {
namespace {

class DrawnSums : public CoreOps {};

// Every accumulator with steps that round into `format`; steps, sums of chunks or both draw.
std::vector<Accumulator> drawing_accumulators(const Format& format, const Format& other) {
    constexpr Rounding draw = Rounding::stochastic;
    std::vector<Accumulator> all{Accumulator::rounded(format, draw),
                                 Accumulator::rounded(format, other, draw),
                                 Accumulator::compensated(format, draw),
                                 Accumulator::chunked(8, Accumulator::float32(), format, draw),
                                 Accumulator::chunked(5, Accumulator::float64(), format, draw),
                                 Accumulator::chunked(7, Accumulator::exact(), format, draw),
                                 Accumulator::chunked(33, Accumulator::rounded(other), format, draw),
                                 Accumulator::chunked(33, Accumulator::rounded(other, draw), format),
                                 Accumulator::chunked(3, Accumulator::rounded(other, format, draw), format, draw),
                                 Accumulator::chunked(2, Accumulator::compensated(other, draw), format, draw)};
    if (format.exact_in_float32()) all.push_back(Accumulator::rounded_f32(format, draw));
    if (other.exact_in_float32()) all.push_back(Accumulator::chunked(16, Accumulator::rounded_f32(other, draw), format, draw));
    return all;
}

TEST_F(DrawnSums, GiveTheBitsOfTheirDefinition) {
    const std::vector<std::int64_t> rows{1, 3, 9}, columns{1, 8, 70}, depths{0, 1, 17, 40};
    Choices choose;
    for (int round = 0; round < 3; ++round) {
        for (const Format& format : sum_formats()) {
            for (const Accumulator& accumulator : drawing_accumulators(format, choose.of(sum_formats()))) {
                for (const std::int64_t depth : depths) {
                    check_case(choose, accumulator, format, {choose.of(rows), depth, choose.of(columns)});
                    if (HasFailure()) return;
                }
            }
        }
    }
}

// Outputs of a batch have draws of their own.
TEST_F(DrawnSums, CountTheirOutputsThroughABatch) {
    const Tensor a = normal({3, 5, 20}, 1, Format::posit(8, 1)), b = normal({3, 20, 7}, 2, Format::posit(8, 1));
    for (const char* name : {"rounded(posit(8,1),stochastic)", "rounded(posit(16,2),posit(8,1),stochastic)", "compensated(fp16,stochastic)"}) {
        const Accumulator accumulator = Accumulator::parse(name);
        SerialSum sum(accumulator, a.format(), b.format(), {default_generator().seed(), default_generator().stream(), 0});
        const std::vector<double> x = a.to_vector_double(), w = b.to_vector_double();
        const std::vector<std::uint64_t> got = core::matmul(a, b, {.accumulator = accumulator, .output = Target(Format::float32())}).codes();
        for (std::size_t i = 0; i < got.size(); ++i) {
            const std::size_t entry = i / 35, row = i / 7 % 5, column = i % 7;
            sum.start(i);
            for (std::size_t k = 0; k < 20; ++k) sum.add(x[(entry * 5 + row) * 20 + k], w[(entry * 20 + k) * 7 + column]);
            ASSERT_EQ(got[i], sum.finish(Format::float32())) << name << ", output " << i;
        }
    }
}

}  // namespace
}  // namespace taper::tests
