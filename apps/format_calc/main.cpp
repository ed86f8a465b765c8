// format_calc: a calculator for number formats, a filter from standard input to standard output.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include <taper/formats/error.h>

#include "calculator.h"
#include "lines.h"

namespace {

using taper::calc::Operation;

constexpr const char* description = R"(A calculator for number formats: reads lines from standard input, answers each by a line.

An answer is "CODE value": the code in hexadecimal with all its digits, the value as a C hex float, nan for NaN and NaR
(decode answers the value alone). A line that cannot be read is reported on standard error with its number, the other
lines are answered, and the exit code is 1. A bad command line ends with 2.

encode reads numbers: decimals (rounded once, from the exact value of the text), C hex floats, inf, nan, or the bits of a
host float: f32:3f800000, f64:3ff0000000000000. All else reads codes in hexadecimal, separated by blanks; dot reads two
lists of them, separated by commas, - for an empty one.)";

constexpr const char* examples = R"(
Formats: posit(8,2), posit(8,2,underflow), float32, float64, fp16, bf16, e5m2, e4m3, e3m2, e2m3, e2m1, e4m3fnuz,
e5m2fnuz, e8m0, float(e,m), fixed(word,fraction), fixed(word,fraction,symmetric); floats also with ,sat.

Accumulators of dot: float32, float64, exact, rounded(F), rounded(F,P), rounded_f32(F), chunked(C,inner,outer),
compensated(F) with formats F, P; all but the first two also with stochastic as the last word in brackets. float32 and
float64 take the terms in order, each a fused multiply-add. With --trace lines from "# " on tell the steps before each
answer: what was added; what was kept of it (s the sum, p a chunk's, e what a compensated sum lost), exactly.

Examples:
  echo 3.14159 | format_calc encode 'posit(8,2)'              4d 0x1.ap+1
  echo 2.12500000000000000001 | format_calc encode 'posit(8,2)'   49 0x1.2p+1
  echo 500 | format_calc encode e4m3 --saturate               7e 0x1.cp+8
  echo 4d | format_calc decode 'posit(8,2)'                   0x1.ap+1
  echo 40 38 | format_calc div 'posit(8,2)'                   48 0x1p+1
  echo 3c00 | format_calc convert fp16 bf16                   3f80 0x1p+0
  echo 7f,40,7f 7f,40,81 | format_calc dot 'posit(8,2)'       40 0x1p+0
  echo ae,6c,d6,ac be,1f,ff,44 | format_calc dot 'posit(8,2)' --accumulate float32   50 0x1p+2
  printf '59,40 48,01\n' | format_calc dot 'posit(8,2)' --accumulate 'rounded(posit(8,2))' --trace
  seq 1 5 | format_calc encode e2m1 --rounding stochastic --seed 7)";

struct Options {
    std::string from, to, rounding = "nearest", accumulator = "exact";
    std::uint64_t seed = 0;
    bool saturate = false, trace = false;
};

void add_rounding_options(CLI::App& command, Options& options) {
    command.add_option("--rounding", options.rounding, "nearest (ties to even), zero or stochastic")->capture_default_str();
    command.add_option("--seed", options.seed, "of stochastic rounding; line i, counted from 0, takes draw i")->capture_default_str();
    command.add_flag("--saturate", options.saturate, "short for the format's ,sat");
}

CLI::App* add_command(CLI::App& app, const char* name, const char* help, Options& options) {
    CLI::App* command = app.add_subcommand(name, help);
    command->add_option("FORMAT", options.from, "a format's name")->required();
    return command;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(description, "format_calc");
    app.footer(examples);
    app.require_subcommand(1);
    Options options;
    const struct {
        const char* name;
        Operation operation;
        const char* help;
    } commands[] = {
        {"encode", Operation::encode, "numbers to codes"},          {"decode", Operation::decode, "codes to values"},
        {"add", Operation::add, "a + b of two codes a line"},       {"sub", Operation::sub, "a - b of two codes a line"},
        {"mul", Operation::mul, "a b of two codes a line"},         {"div", Operation::div, "a / b of two codes a line"},
        {"sqrt", Operation::sqrt, "the square root of a code"},     {"fma", Operation::fma, "a b + c of three codes a line, rounded once"},
        {"dot", Operation::dot, "the sum of products of two lists of codes a line"},
        {"convert", Operation::convert, "codes of FORMAT to codes of TO"},
    };
    taper::calc::Task task;
    for (const auto& c : commands) {
        CLI::App* command = add_command(app, c.name, c.help, options);
        if (c.operation == Operation::convert) command->add_option("TO", options.to, "the format to convert to")->required();
        if (c.operation == Operation::dot) {
            command->add_option("--accumulate", options.accumulator, "how the sum is formed")->capture_default_str();
            command->add_flag("--trace", options.trace, "print the steps of each sum");
        }
        if (c.operation != Operation::decode) add_rounding_options(*command, options);
        command->callback([&task, operation = c.operation] { task.operation = operation; });
    }
    try {
        app.parse(argc, argv);
        task.from = taper::Format::parse(options.from);
        task.to = task.operation == Operation::convert ? taper::Format::parse(options.to) : task.from;
        if (options.saturate) task.to = task.to.saturating();
        const bool indices = task.from.is_index() || task.to.is_index();
        if (indices && task.operation != Operation::encode && task.operation != Operation::decode && task.operation != Operation::convert)
            throw taper::Error("no arithmetic on indices: " + task.from.name() + " (want a number format)");
        task.rounding = taper::parse_rounding(options.rounding);
        task.seed = options.seed;
        task.accumulator = taper::Accumulator::parse(options.accumulator);
        task.trace = options.trace;
        if (task.operation == Operation::dot && task.accumulator.in_float32() && !task.from.exact_in_float32()) {
            throw taper::Error(fmt::format("float32 cannot hold {}: accumulator {} (want accumulator float64 or exact)", task.from.name(), task.accumulator.name()));
        }
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    } catch (const taper::Error& e) {
        fmt::print(stderr, "format_calc: {}\n", e.what());
        return 2;
    }
    try {
        return taper::calc::filter([&](std::string_view line, std::uint64_t index, std::string& out) { taper::calc::answer(task, line, index, out); });
    } catch (const taper::Error& e) {
        fmt::print(stderr, "{}\n", e.what());
        return 1;
    }
}
