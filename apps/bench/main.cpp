// bench: how fast things are.  `bench goals` checks the promised speeds; without a subcommand it is a Google Benchmark program.
#include <omp.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "common/precision_options.h"
#include "goals.h"
#include "gpu.h"
#include "micro.h"
#include "training_step.h"

namespace taper::bench {
namespace {

// Prints the median and the shortest time of a step in milliseconds.
void time_steps(const std::function<void()>& step, int steps) {
    for (int i = 0; i < std::clamp(steps / 3, 2, 10); ++i) step();
    std::vector<double> times;
    for (int i = 0; i < steps; ++i) times.push_back(time_once(step));
    fmt::print("{:.4f} {:.4f}\n", 1e3 * median(times), 1e3 * *std::min_element(times.begin(), times.end()));
}

int run_subcommand(int argc, char** argv) {
    CLI::App app("Measures Taper's speed.", "bench");
    app.footer(
        "\nWithout a subcommand bench runs its micro-benchmarks and takes Google Benchmark's options:\n"
        "  bench --benchmark_list_tests        what there is\n"
        "  bench --benchmark_filter=matmul     some of it\n");
    Effort effort;
    std::vector<std::string> names;
    bool quick = false;
    CLI::App* goals = app.add_subcommand("goals", "check every promised speed: lines \"NAME RATIO GOAL ok\" or \"... short\"; exit code 1 if one is short");
    goals->add_option("NAME", names, "some of: " + fmt::format("{}", fmt::join(goal_names(), ", ")));
    goals->add_option("--seconds", effort.seconds, "for each goal, about")->capture_default_str()->check(CLI::PositiveNumber);
    goals->add_flag("--quick", quick, "measure hardly at all: for tests of the program itself");
    CLI::App* gpu = app.add_subcommand("gpu", "measure the kernels on a GPU: lines \"NAME VALUE UNIT GOAL\"; exit code 2 where none answers");
    apps::PrecisionOptions formats;
    std::string device = "cpu";
    std::string model = step_models().front();
    int steps = 100, threads = 2;
    CLI::App* step = app.add_subcommand("step", "time a network's training step: prints its median and its minimum in milliseconds");
    step->add_option("--model", model)->capture_default_str()->check(CLI::IsMember(step_models()));
    step->add_option("--steps", steps, "how many")->capture_default_str()->check(CLI::PositiveNumber);
    step->add_option("--threads", threads)->capture_default_str()->check(CLI::PositiveNumber);
    step->add_option("--device", device, "cpu, cuda or cuda:INDEX")->capture_default_str();
    apps::add_precision_options(*step, formats);
    app.require_subcommand(1);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    if (goals->parsed()) return run_goals(names, quick ? Effort{.seconds = 0, .least_pairs = 1} : effort);
    if (gpu->parsed()) return run_gpu();
    omp_set_num_threads(threads);
    set_default_device(Device::parse(device));
    time_steps(training_step(model, formats.recipe()), steps);
    return 0;
}

int run_micro_benchmarks(int argc, char** argv) {
    register_micro_benchmarks();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}

}  // namespace
}  // namespace taper::bench

int main(int argc, char** argv) {
    const std::string first = argc > 1 ? argv[1] : "--benchmark";
    try {
        return first.rfind("--benchmark", 0) == 0 ? taper::bench::run_micro_benchmarks(argc, argv) : taper::bench::run_subcommand(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench: {}\n", error.what());
        return 1;
    }
}
