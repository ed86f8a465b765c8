// The dot product of Numbers and its steps.
#include <gtest/gtest.h>

#include <random>

#include <taper/core/dot.h>
#include <taper/formats/convert.h>

#include "support/accumulator_reference.h"
#include "support/throws.h"

namespace taper::tests {
namespace {

const Format p8 = Format::posit(8, 2);

std::vector<Number> numbers(const Format& f, const std::vector<std::uint64_t>& codes) {
    std::vector<Number> result;
    for (const std::uint64_t code : codes) result.emplace_back(f, code);
    return result;
}

// The steps as text, a line each, and the result's code.
std::string trace(const std::string& accumulator, const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b, const DotOptions& options = {}) {
    std::vector<DotStep> steps;
    const Number y = dot(numbers(p8, a), numbers(p8, b), Accumulator::parse(accumulator), p8, options, &steps);
    std::string text;
    for (const DotStep& step : steps) text += step.str() + "\n";
    return text + y.hex();
}

TEST(Dot, TracesEveryAccumulator) {
    EXPECT_EQ(trace("exact", {0x7f, 0x01}, {0x7f, 0x01}),
              "start: s = 0x0p+0\n"
              "k = 0: a = 7f 0x1p+24, b = 7f 0x1p+24, a b = 0x1p+48; s = 0x1p+48\n"
              "k = 1: a = 01 0x1p-24, b = 01 0x1p-24, a b = 0x1p-48; s = 0x1.000000000000000000000001p+48\n"
              "finish: s = 0x1.000000000000000000000001p+48; result = 7f 0x1p+24\n7f");
    EXPECT_EQ(trace("float32", {0x40}, {0xb8}),
              "start: s = 00000000 0x0p+0\nk = 0: a = 40 0x1p+0, b = b8 -0x1p+1, a b = -0x1p+1; s = c0000000 -0x1p+1\nfinish: s = c0000000 -0x1p+1; result = "
              "b8 -0x1p+1\nb8");
    EXPECT_EQ(trace("rounded(posit(8,2))", {0x59, 0x01}, {0x48, 0x40}),
              "start: s = 00 0x0p+0\n"
              "k = 0: a = 59 0x1.2p+3, b = 48 0x1p+1, a b = 0x1.2p+4; s = 60 0x1p+4\n"
              "k = 1: a = 01 0x1p-24, b = 40 0x1p+0, a b = 0x1p-24; s = 60 0x1p+4\n"
              "finish: s = 60 0x1p+4; result = 60 0x1p+4\n60");
    EXPECT_EQ(trace("rounded(fp16,posit(8,2))", {0x59}, {0x48}),
              "start: s = 0000 0x0p+0\nk = 0: a = 59 0x1.2p+3, b = 48 0x1p+1, a b = 0x1.2p+4, m = 60 0x1p+4; s = 4c00 0x1p+4\nfinish: s = 4c00 0x1p+4; result "
              "= 60 0x1p+4\n60");
    EXPECT_EQ(trace("compensated(posit(8,2))", {0x60, 0x40}, {0x40, 0x40}),
              "start: s = 00 0x0p+0\n"
              "k = 0: a = 60 0x1p+4, b = 40 0x1p+0, a b = 0x1p+4, y = 60 0x1p+4; s = 60 0x1p+4, e = 00 0x0p+0\n"
              "k = 1: a = 40 0x1p+0, b = 40 0x1p+0, a b = 0x1p+0, y = 40 0x1p+0; s = 60 0x1p+4, e = c0 -0x1p+0\n"
              "finish: s = 60 0x1p+4; result = 60 0x1p+4\n60");
    EXPECT_EQ(trace("chunked(2,exact,posit(8,2))", {0x59, 0x01, 0x40}, {0x48, 0x40, 0x40}),
              "start: s = 00 0x0p+0\n"
              "k = 0: a = 59 0x1.2p+3, b = 48 0x1p+1, a b = 0x1.2p+4; p = 0x1.2p+4\n"
              "k = 1: a = 01 0x1p-24, b = 40 0x1p+0, a b = 0x1p-24; p = 0x1.2000001p+4\n"
              "chunk 0: p = 0x1.2000001p+4; s = 61 0x1.4p+4\n"
              "k = 2: a = 40 0x1p+0, b = 40 0x1p+0, a b = 0x1p+0; p = 0x1p+0\n"
              "chunk 1: p = 0x1p+0; s = 61 0x1.4p+4\n"
              "finish: s = 61 0x1.4p+4; result = 61 0x1.4p+4\n61");
}

TEST(Dot, TracesNoTermsBiasAndNaN) {
    const DotOptions bias{.bias = Number(Format::parse("fp16"), 0x4880)};  // 9
    EXPECT_EQ(trace("exact", {}, {}), "start: s = 0x0p+0\nfinish: s = 0x0p+0; result = 00 0x0p+0\n00");
    EXPECT_EQ(trace("exact", {}, {}, bias), "start: bias = 4880 0x1.2p+3; s = 0x1.2p+3\nfinish: s = 0x1.2p+3; result = 59 0x1.2p+3\n59");
    EXPECT_EQ(trace("chunked(2,float32,fixed(8,4))", {}, {}, bias),
              "start: bias = 4880 0x1.2p+3; s = 7f 0x1.fcp+2\nfinish: s = 7f 0x1.fcp+2; result = 58 0x1p+3\n58");
    EXPECT_EQ(trace("rounded(fixed(8,4))", {0x80}, {0x00}),
              "start: s = 00 0x0p+0\nk = 0: a = 80 nan, b = 00 0x0p+0, a b = nan; s = nan\nfinish: s = nan; result = 80 nan\n80");
    std::vector<DotStep> steps;
    EXPECT_EQ(error_of([&] { dot(numbers(p8, {0x80}), numbers(p8, {0x40}), Accumulator::exact(), Format::parse("e2m1"), {}, &steps); }),
              "dot: the result is NaN, for which e2m1 has no code");
    EXPECT_EQ(steps.back().str(), "finish: s = nan; result = nan");
}

// The numbers in the steps are those of the recurrence on rationals, and the result is the one without a trace.
TEST(Dot, StepsAgreeWithTheRecurrences) {
    std::mt19937_64 random(5);
    for (const char* name :
         {"float32", "float64", "rounded(posit(16,2),stochastic)", "rounded(bf16,fp16)", "rounded_f32(posit(8,2))", "compensated(posit(8,1))",
          "chunked(3,rounded(posit(16,1),stochastic),posit(8,2),stochastic)", "chunked(4,compensated(fp16),bf16)"}) {
        const Accumulator accumulator = Accumulator::parse(name);
        std::vector<Number> a, b;
        for (int k = 0; k < 30; ++k) {
            a.emplace_back(p8, (random() & 0xff) == 0x80 ? 0 : random() & 0x3f);
            b.emplace_back(Format::parse("e4m3"), random() & 0x3f);
        }
        const DotOptions options{.bias = a[0], .mode = {.draws = {11, 12}}, .output = 13};
        std::vector<DotStep> steps;
        const Number y = dot(a, b, accumulator, p8, options, &steps);
        EXPECT_EQ(y, dot(a, b, accumulator, p8, options));
        ReferenceSum reference(accumulator, 11, 12);
        reference.start(13, exact(a[0].value()));
        std::size_t at = 1;
        for (std::size_t k = 0; k < a.size(); ++k) {
            reference.add(exact(a[k].value()), exact(b[k].value()));
            ASSERT_EQ(steps[at].kind, DotStep::Kind::term);
            const bool chunked = accumulator.chunk() > 0;
            ASSERT_EQ(exact(steps[at].kept[0].number->value()).magnitude, (chunked ? reference.partial() : reference.sum()).magnitude) << name << " " << k;
            ++at;
            if (!chunked || ((k + 1) % static_cast<std::size_t>(accumulator.chunk()) != 0 && k + 1 < a.size())) continue;
            ASSERT_EQ(steps[at].kind, DotStep::Kind::chunk);
            ASSERT_EQ(exact(steps[at].kept[0].number->value()).magnitude, reference.sum().magnitude) << name << " " << k;
            ++at;
        }
        EXPECT_EQ(at + 1, steps.size());
        EXPECT_EQ(y.code(), reference.code(p8)) << name;
    }
}

TEST(Dot, ErrorsAreOneSentence) {
    const auto two = numbers(p8, {0x40, 0x40}), three = numbers(p8, {0x40, 0x40, 0x40}), wide = numbers(Format::posit(32, 2), {1, 1}),
               indices = numbers(Format::int32(), {1, 2});
    EXPECT_EQ(error_of([&] { dot(two, three, {}, p8); }), "dot: lengths differ: a is [2], b is [3] (want one length)");
    EXPECT_EQ(error_of([&] { dot(two, wide, {}, p8); }),
              "dot: float32 cannot hold posit(32,2): b with accumulator float32 (want accumulator float64 or exact)");
    EXPECT_EQ(error_of([&] { dot(two, two, Accumulator::parse("chunked(4,rounded_f32(fp16),fp16)"), p8, {.bias = wide[0]}); }),
              "dot: float32 cannot hold posit(32,2): bias with accumulator chunked(4,rounded_f32(fp16),fp16) (want accumulator float64 or exact)");
    EXPECT_EQ(error_of([&] { dot(indices, two, {}, p8); }), "dot: a holds indices: int32 (want a format with arithmetic)");
    EXPECT_EQ(error_of([&] { dot(two, two, {}, Format::int32()); }), "dot: the output holds indices: int32 (want a format with arithmetic)");
}

}  // namespace
}  // namespace taper::tests
