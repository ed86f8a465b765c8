// bench's command line: the form of its lines.  Speeds are not required here.
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <sstream>

#include "program.h"

namespace taper::test {
namespace {

TEST(Bench, GoalsPrintOneLineEach) {
    const Outcome outcome = run(TAPER_BENCH, {"goals", "--quick"});
    EXPECT_EQ(outcome.err, "");
    const std::regex form(R"((\S+) (?:([0-9.]+) (<=)?([0-9.]+) (ok|short)|- (?:<=)?[0-9.]+ skipped \(.+\)))");
    std::istringstream lines(outcome.out);
    std::vector<std::string> names;
    bool any_short = false;
    for (std::string line; std::getline(lines, line);) {
        std::smatch found;
        ASSERT_TRUE(std::regex_match(line, found, form)) << line;
        names.push_back(found[1]);
        if (!found[2].matched) continue;
        const double ratio = std::stod(found[2]), goal = std::stod(found[4]);
        EXPECT_EQ(found[5] == "ok", found[3].matched ? ratio <= goal : ratio >= goal) << line;
        any_short = any_short || found[5] == "short";
    }
    const auto is_exact = [](const std::string& name) { return name.starts_with("exact_"); };
    EXPECT_EQ(std::erase_if(names, is_exact), 21u);
    EXPECT_EQ(names, (std::vector<std::string>{"encode_posit8_1_dram",
                                               "decode_posit8_1_dram",
                                               "gemm_posit8_2_256",
                                               "gemm_posit8_2_512",
                                               "gemm_posit8_2_1024",
                                               "gemm_posit8_2_2048",
                                               "gemm_two_threads",
                                               "conv_forward_over_onednn",
                                               "conv_backward_data_over_onednn",
                                               "conv_backward_weights_over_onednn",
                                               "rounded_f32_fp16",
                                               "rounded_f32_posit16_2",
                                               "rounded_f32_posit16_1",
                                               "rounded_f32_posit8_0",
                                               "rounded_f32_posit8_1",
                                               "rounded_f32_posit8_2",
                                               "rounded_fp16",
                                               "rounded_posit16_2",
                                               "rounded_posit16_1",
                                               "rounded_posit8_0",
                                               "rounded_posit8_1",
                                               "rounded_posit8_2",
                                               "rounded_two_threads",
                                               "lenet_step_posit8_over_float32"}));
    EXPECT_EQ(outcome.code, any_short ? 1 : 0);
}

TEST(Bench, UnknownGoalEndsWith2) {
    const Outcome outcome = run(TAPER_BENCH, {"goals", "warp_speed"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("unknown goal: warp_speed"), std::string::npos);
}

TEST(Bench, StepPrintsMedianAndMinimum) {
    for (const char* model : {"lenet5", "preresnet20", "dcgan64"}) {
        const Outcome outcome = run(TAPER_BENCH, {"step", "--model", model, "--posit", "--steps", "1", "--threads", "2"});
        EXPECT_EQ(outcome.code, 0) << model << outcome.err;
        EXPECT_TRUE(std::regex_match(outcome.out, std::regex(R"([0-9]+\.[0-9]+ [0-9]+\.[0-9]+\n)"))) << model << outcome.out;
    }
    const Outcome unknown = run(TAPER_BENCH, {"step", "--model", "alexnet"});
    EXPECT_EQ(unknown.code, 2);
    EXPECT_NE(unknown.err.find("alexnet not in {lenet5,preresnet20,dcgan64}"), std::string::npos) << unknown.err;
}

TEST(Bench, ListsMicroBenchmarks) {
    const Outcome outcome = run(TAPER_BENCH, {"--benchmark_list_tests"});
    EXPECT_EQ(outcome.code, 0);
    for (const char* name : {"encode/posit(8,2)/32768", "matmul/float32/512", "conv3/backward_weights/posit(8,2)", "lenet_step/posit"})
        EXPECT_NE(outcome.out.find(name), std::string::npos) << name;
}

TEST(Bench, BadCommandLineEndsWith2) { EXPECT_EQ(run(TAPER_BENCH, {"goals", "--nonsense"}).code, 2); }

}  // namespace
}  // namespace taper::test
