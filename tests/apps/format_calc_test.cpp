// format_calc: its answers, its errors, its exit codes.
#include <gtest/gtest.h>

#include <fstream>

#include "program.h"
#include "support/golden.h"

namespace taper::test {
namespace {

std::string quoted(const std::string& word) { return "'" + word + "'"; }

Outcome calc(const Arguments& arguments, const std::string& input) {
    const TemporaryFolder folder;
    write_file(folder / "input", input);
    std::string command = quoted(TAPER_FORMAT_CALC);
    for (const std::string& a : arguments) command += " " + quoted(a);
    return run("/bin/sh", {"-c", command + " < " + quoted((folder / "input").string())});
}

void expect_answers(const Arguments& arguments, const std::string& input, const std::string& want) {
    const Outcome outcome = calc(arguments, input);
    EXPECT_EQ(outcome.out, want);
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(outcome.code, 0);
}

TEST(FormatCalc, EncodesDecimalsWithOneRounding) {
    expect_answers({"encode", "posit(8,2)"}, "3.14159\n2.125\n2.12500000000000000001\n2.12499999999999999999\n1e9\n-1e-400\n+.5\n100.\n0\n-0\n",
                   "4d 0x1.ap+1\n48 0x1p+1\n49 0x1.2p+1\n48 0x1p+1\n7f 0x1p+24\nff -0x1p-24\n38 0x1p-1\n6a 0x1.8p+6\n00 0x0p+0\n00 0x0p+0\n");
    // Exactly at, just above and just below a tie, with more digits than any machine word holds.
    const std::string tie = "1.00000005960464477539062500000000000000000000000000000000000000";
    expect_answers({"encode", "float32"}, tie + "\n" + tie + "1\n1.0000000596046447753906249999999999999999999999999999999999999\n", "3f800000 0x1p+0\n3f800001 0x1.000002p+0\n3f800000 0x1p+0\n");
    expect_answers({"encode", "float64"}, "0.1\n1e400\n4.9e-324\n2.2250738585072011e-308\n123456789012345678901234567890\n",
                   "3fb999999999999a 0x1.999999999999ap-4\n7ff0000000000000 inf\n0000000000000001 0x0.0000000000001p-1022\n000fffffffffffff 0x0.fffffffffffffp-1022\n"
                   "45f8ee90ff6c373e 0x1.8ee90ff6c373ep+96\n");
}

TEST(FormatCalc, EncodesHexFloatsBitsAndSpecials) {
    expect_answers({"encode", "fp16"}, "0x1.8p+3\n-0X.8P1\n0x10\nf32:3f800000\nf64:3ff0000000000000\ninf\n-Infinity\nNaN\n-0x0p+0\n0x1.0020000000000000000001p0\n  7  \r\n",
                   "4a00 0x1.8p+3\nbc00 -0x1p+0\n4c00 0x1p+4\n3c00 0x1p+0\n3c00 0x1p+0\n7c00 inf\nfc00 -inf\n7e00 nan\n8000 -0x0p+0\n3c01 0x1.004p+0\n4700 0x1.cp+2\n");
}

TEST(FormatCalc, RoundingModes) {
    expect_answers({"encode", "posit(8,2)", "--rounding", "zero"}, "2.24\n-2.24\n1e-30\n", "48 0x1p+1\nb8 -0x1p+1\n01 0x1p-24\n");
    expect_answers({"encode", "e4m3", "--saturate"}, "500\n-inf\n", "7e 0x1.cp+8\nfe -0x1.cp+8\n");
    expect_answers({"encode", "e4m3"}, "500\n", "7f nan\n");
    const Arguments stochastic = {"encode", "e2m1", "--rounding", "stochastic", "--seed", "7"};
    std::string input;
    for (int i = 0; i < 1000; ++i) input += "1.125\n";  // between 1 and 1.5: a quarter goes up
    const std::string first = calc(stochastic, input).out;
    EXPECT_EQ(first, calc(stochastic, input).out);
    EXPECT_NE(first, calc({"encode", "e2m1", "--rounding", "stochastic", "--seed", "8"}, input).out);
    int ups = 0;
    for (std::size_t at = 0; at < first.size(); at = first.find('\n', at) + 1) ups += first[at] == '3' ? 1 : 0;
    EXPECT_NEAR(ups, 250, 55);  // 4 sigma
    // The first draw of seed 0 is 0x6627e8d5, the step at 1 is 2^-29: x - 1 is that draw of a step, and half a draw more.
    expect_answers({"encode", "posit(32,0)", "--rounding", "stochastic"}, "0x1.00000003313f46a8\n", "40000000 0x1p+0\n");
    expect_answers({"encode", "posit(32,0)", "--rounding", "stochastic"}, "0x1.00000003313f46ac\n", "40000001 0x1.00000008p+0\n");
}

TEST(FormatCalc, ArithmeticDecodeConvert) {
    expect_answers({"decode", "posit(8,2)"}, "4d\n80\n00\nFF\n", "0x1.ap+1\nnan\n0x0p+0\n-0x1p-24\n");
    expect_answers({"add", "posit(8,2)"}, "60 48\n7f 81\n", "60 0x1p+4\n00 0x0p+0\n");
    expect_answers({"sub", "posit(8,2)"}, "60\t60\n", "00 0x0p+0\n");
    expect_answers({"mul", "posit(8,2)"}, "59 48\n", "60 0x1p+4\n");
    expect_answers({"div", "posit(8,2)"}, "40 4c\n40 00\n", "33 0x1.6p-2\n80 nan\n");
    expect_answers({"sqrt", "posit(8,2)"}, "48\nb8\n", "43 0x1.6p+0\n80 nan\n");
    expect_answers({"fma", "posit(8,2)"}, "7f 7f 81\n", "7f 0x1p+24\n");
    expect_answers({"convert", "fp16", "bf16"}, "3c00\n7c00\n", "3f80 0x1p+0\n7f80 inf\n");
    expect_answers({"convert", "posit(6,1)", "posit(8,2)"}, "20\n3f\n", "80 nan\nf0 -0x1p-8\n");
}

TEST(FormatCalc, BadLinesAreNamedAndTheOthersAnswered) {
    const Outcome outcome = calc({"encode", "posit(8,2)"}, "1\nx\n2\n\n1 2\n1e\nf32:3f8\n3");
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "40 0x1p+0\n48 0x1p+1\n4c 0x1.8p+1\n");
    const std::string form = " (want a decimal, a C hex float, f32: and 8 hex digits, or f64: and 16)\n";
    EXPECT_EQ(outcome.err, "format_calc: line 2: not a number: \"x\"" + form + "format_calc: line 4: wrong number of words: \"\" (want 1)\n" +
                               "format_calc: line 5: wrong number of words: \"1 2\" (want 1)\n" + "format_calc: line 6: not a number: \"1e\"" + form +
                               "format_calc: line 7: not a number: \"f32:3f8\"" + form);
    const Outcome codes = calc({"add", "posit(6,1)"}, "01 40\n01\ng1 01\n01 01\n0x01 01\n");
    EXPECT_EQ(codes.code, 1);
    EXPECT_EQ(codes.out, "02 0x1p-6\n");
    EXPECT_EQ(codes.err,
              "format_calc: line 1: code has bits beyond the format: 40 in posit(6,1) (want at most 6 bits)\n"
              "format_calc: line 2: wrong number of words: \"01\" (want 2)\n"
              "format_calc: line 3: not a code: \"g1\" (want hexadecimal digits without 0x)\n"
              "format_calc: line 5: not a code: \"0x01\" (want hexadecimal digits without 0x)\n");
    const Outcome nan = calc({"encode", "e2m1"}, "nan\n");
    EXPECT_EQ(nan.code, 1);
    EXPECT_EQ(nan.err, "format_calc: line 1: the result is NaN, for which e2m1 has no code\n");
}

TEST(FormatCalc, BadCommandLineEndsWith2) {
    EXPECT_EQ(calc({}, "").code, 2);
    EXPECT_EQ(calc({"encode"}, "").code, 2);
    EXPECT_EQ(calc({"encode", "fp16", "--nonsense"}, "").code, 2);
    const Outcome format = calc({"encode", "posti(8,2)"}, "1\n");
    EXPECT_EQ(format.code, 2);
    EXPECT_NE(format.err.find("unknown name: \"posti(8,2)\""), std::string::npos);
    EXPECT_EQ(calc({"encode", "fp16", "--rounding", "up"}, "").code, 2);
    EXPECT_EQ(calc({"add", "int32"}, "1 1\n").code, 2);
}

TEST(FormatCalc, DotProducts) {
    const std::string input = "7f,40,7f 7f,40,81\n40 40\n-\t-\n80,40 00,40\n";
    expect_answers({"dot", "posit(8,2)"}, input, "40 0x1p+0\n40 0x1p+0\n00 0x0p+0\n80 nan\n");
    expect_answers({"dot", "posit(8,2)", "--accumulate", "rounded(posit(8,2))"}, input, "81 -0x1p+24\n40 0x1p+0\n00 0x0p+0\n80 nan\n");
    expect_answers({"dot", "posit(8,2)", "--accumulate", "rounded(posit(8,2),posit(8,2))"}, input, "00 0x0p+0\n40 0x1p+0\n00 0x0p+0\n80 nan\n");
    expect_answers({"dot", "e4m3", "--accumulate", "float32"}, "7e 7e\n", "7f nan\n");
    expect_answers({"dot", "e4m3", "--accumulate", "float32", "--saturate"}, "7e 7e\n", "7e 0x1.cp+8\n");
    expect_answers({"dot", "posit(8,2)", "--rounding", "zero"}, "59,01 48,40\n", "60 0x1p+4\n");
    expect_answers({"dot", "posit(32,2)", "--accumulate", "chunked(1,float64,posit(32,2))"}, "40000001 40000001\n", "40000002 0x1.0000004p+0\n");
    std::string lists, want;
    for (const std::vector<std::string>& row : tests::golden("posit_dot")) {
        if (row[0] != "16" || row[1] != "2") continue;
        lists += row[3] + " " + row[4] + "\n";
        want += row[5] + " " + row[6] + "\n";
    }
    ASSERT_FALSE(lists.empty());
    expect_answers({"dot", "posit(16,2)"}, lists, want);
}

// Line i is output i of the draws: a quarter of the sums of 1 + 1/32 go up, the same ones for the same seed.
TEST(FormatCalc, StochasticDotProducts) {
    std::string input;
    for (int i = 0; i < 1000; ++i) input += "40,1c 40,40\n";
    for (const char* accumulator : {"exact(stochastic)", "rounded(posit(8,2),stochastic)"}) {
        const Arguments arguments = {"dot", "posit(8,2)", "--accumulate", accumulator, "--seed", "7"};
        const std::string first = calc(arguments, input).out;
        EXPECT_EQ(first, calc(arguments, input).out);
        EXPECT_NE(first, calc({"dot", "posit(8,2)", "--accumulate", accumulator, "--seed", "8"}, input).out);
        int ups = 0;
        for (std::size_t at = 0; at < first.size(); at = first.find('\n', at) + 1) ups += first[at + 1] == '1' ? 1 : 0;
        EXPECT_NEAR(ups, 250, 55) << accumulator;  // 4 sigma
    }
    const std::string plain = calc({"encode", "posit(8,2)", "--rounding", "stochastic", "--seed", "7"}, "1.03125\n1.03125\n1.03125\n").out;
    EXPECT_EQ(calc({"dot", "posit(8,2)", "--rounding", "stochastic", "--seed", "7"}, "40,1c 40,40\n40,1c 40,40\n40,1c 40,40\n").out, plain);
}

TEST(FormatCalc, BadDotProducts) {
    const Outcome lines = calc({"dot", "posit(8,2)", "--trace"}, "7f,40 7f\n59\n40 4x\n40, 40\n40 - \n100 40\n- -\n");
    EXPECT_EQ(lines.code, 1);
    EXPECT_EQ(lines.out, "# start: s = 0x0p+0\n# finish: s = 0x0p+0; result = 00 0x0p+0\n00 0x0p+0\n");
    EXPECT_EQ(lines.err,
              "format_calc: line 1: dot: lengths differ: a is [2], b is [1] (want one length)\n"
              "format_calc: line 2: wrong number of words: \"59\" (want 2)\n"
              "format_calc: line 3: not a code: \"4x\" (want hexadecimal digits without 0x)\n"
              "format_calc: line 4: not a code: \"\" (want hexadecimal digits without 0x)\n"
              "format_calc: line 5: dot: lengths differ: a is [1], b is [0] (want one length)\n"
              "format_calc: line 6: code has bits beyond the format: 100 in posit(8,2) (want at most 8 bits)\n");
    const Outcome wide = calc({"dot", "posit(32,2)", "--accumulate", "float32"}, "");
    EXPECT_EQ(wide.code, 2);
    EXPECT_EQ(wide.err, "format_calc: float32 cannot hold posit(32,2): accumulator float32 (want accumulator float64 or exact)\n");
    const Outcome unknown = calc({"dot", "posit(8,2)", "--accumulate", "quire"}, "");
    EXPECT_EQ(unknown.code, 2);
    EXPECT_EQ(unknown.err.substr(0, 63), "format_calc: Accumulator: unknown accumulator: \"quire\" (want fl");
    EXPECT_EQ(calc({"dot", "int32"}, "").code, 2);
}

// "$ command" and the lines that it prints, in the text blocks of docs/accumulators.md.
TEST(FormatCalc, AccumulatorsPageTellsTheTruth) {
    std::ifstream page(TAPER_DOCS "/accumulators.md");
    std::string command, want;
    int examples = 0;
    const auto check = [&] {
        if (command.empty()) return;
        command.replace(command.find("format_calc"), std::string("format_calc").size(), quoted(TAPER_FORMAT_CALC));
        EXPECT_EQ(run("/bin/sh", {"-c", command}).out, want) << command;
        command.clear();
        ++examples;
    };
    bool inside = false;
    for (std::string line; std::getline(page, line);) {
        if (line.substr(0, 3) == "```") inside = line == "```text";
        const bool starts = inside && line.substr(0, 2) == "$ ";
        if (starts || !inside) check();
        if (starts) {
            command = line.substr(2);
            want.clear();
        } else if (inside && !command.empty()) {
            want += line + "\n";
        }
    }
    EXPECT_EQ(examples, 9);
}

// Every example of the help gives what the help says.
TEST(FormatCalc, HelpTellsTheTruth) {
    const Outcome help = calc({"--help"}, "");
    EXPECT_EQ(help.code, 0);
    std::size_t examples = 0;
    for (std::size_t at = help.out.find("  echo "); at != std::string::npos; at = help.out.find("  echo ", at + 1)) {
        const std::string line = help.out.substr(at + 2, help.out.find('\n', at) - at - 2);
        const std::size_t gap = line.rfind("  ");
        ASSERT_NE(gap, std::string::npos) << line;
        std::string command = line.substr(0, gap);
        const std::size_t program = command.find("format_calc");
        command.replace(program, std::string("format_calc").size(), quoted(TAPER_FORMAT_CALC));
        EXPECT_EQ(run("/bin/sh", {"-c", command}).out, line.substr(gap + 2) + "\n") << line;
        ++examples;
    }
    EXPECT_EQ(examples, 8u);
}

// The golden encode rows, as bits and as hex floats: more than one block of input.
TEST(FormatCalc, GoldenRows) {
    std::string bits, want;
    for (const std::vector<std::string>& row : tests::golden("posit_encode_f64")) {
        if (row[0] != "32" || row[1] != "2") continue;
        bits += "f64:" + row[2] + "\n";
        want += row[3] + " " + row[4] + "\n";
    }
    ASSERT_GT(bits.size(), 60000u);
    expect_answers({"encode", "posit(32,2)"}, bits, want);
    std::string pairs, results;
    for (const std::vector<std::string>& row : tests::golden("posit_arith")) {
        if (row[0] != "16" || row[1] != "2" || row[2] != "fma") continue;
        pairs += row[3] + " " + row[4] + " " + row[5] + "\n";
        results += row[6] + " " + row[7] + "\n";
    }
    ASSERT_FALSE(pairs.empty());
    expect_answers({"fma", "posit(16,2)"}, pairs, results);
}

}  // namespace
}  // namespace taper::test
