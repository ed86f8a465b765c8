#include "micro.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <taper/core/ops.h>
#include <taper/core/random.h>
#include <taper/formats/convert.h>

#include "common/precision_options.h"
#include "training_step.h"

namespace taper::bench {
namespace {

using benchmark::RegisterBenchmark;
using benchmark::State;

void encode_array(State& state, const Format& format) {
    const auto n = static_cast<std::size_t>(state.range(0));
    const std::vector<float> x = randn({state.range(0)}).to_vector();
    std::vector<std::uint8_t> codes(n * static_cast<std::size_t>(format.storage_bytes()));
    for (auto _ : state) {
        encode(format, x.data(), n, codes.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void decode_array(State& state, const Format& format) {
    const auto n = static_cast<std::size_t>(state.range(0));
    const Tensor codes = randn({state.range(0)}, format);
    std::vector<float> y(n);
    for (auto _ : state) {
        decode(format, codes.data(), n, y.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void matmul(State& state, const Format& format) {
    const std::int64_t n = state.range(0);
    const Tensor a = randn({n, n}, format), b = randn({n, n}, format);
    for (auto _ : state) benchmark::DoNotOptimize(core::matmul(a, b));
    state.counters["MAC"] = benchmark::Counter(static_cast<double>(n * n * n), benchmark::Counter::kIsIterationInvariantRate);
}

struct ConvCase {
    const char* name;
    Shape x, w;
    core::Conv2dSpec spec;
};
const std::vector<ConvCase>& lenet_convolutions() {
    static const std::vector<ConvCase> cases{
        {"conv1", {64, 1, 28, 28}, {6, 1, 5, 5}, {.stride = 1, .padding = 2, .dilation = 1, .groups = 1}},
        {"conv2", {64, 6, 14, 14}, {16, 6, 5, 5}, {}},
        {"conv3", {64, 16, 5, 5}, {120, 16, 5, 5}, {}},
    };
    return cases;
}

void convolution(State& state, const ConvCase& c, const Format& format, const std::string& product) {
    const Tensor x = randn(c.x, format), w = randn(c.w, format), bias = randn({c.w[0]}, format);
    const Tensor dy = core::conv2d(x, w, bias, c.spec);
    for (auto _ : state) {
        if (product == "forward") benchmark::DoNotOptimize(core::conv2d(x, w, bias, c.spec));
        if (product == "backward_data") benchmark::DoNotOptimize(core::conv2d_backward_data(dy, w, c.x, c.spec));
        if (product == "backward_weights") benchmark::DoNotOptimize(core::conv2d_backward_weights(dy, x, c.w, c.spec));
    }
    const std::int64_t products = dy.elements() * c.w[1] * c.w[2] * c.w[3];
    state.counters["MAC"] = benchmark::Counter(static_cast<double>(products), benchmark::Counter::kIsIterationInvariantRate);
}

void lenet_step(State& state, const nn::Recipe& recipe) {
    const auto step = training_step("lenet5", recipe);
    for (auto _ : state) step();
    state.SetItemsProcessed(state.iterations() * 64);
}

}  // namespace

void register_micro_benchmarks() {
    for (const char* name : {"posit(8,1)", "posit(8,2)", "posit(16,2)", "bf16", "fp16", "e4m3", "fixed(8,4)"}) {
        const Format format = Format::parse(name);
        RegisterBenchmark(fmt::format("encode/{}", name).c_str(), encode_array, format)->Arg(32 << 10)->Arg(16 << 20)->Unit(benchmark::kMicrosecond);
        RegisterBenchmark(fmt::format("decode/{}", name).c_str(), decode_array, format)->Arg(32 << 10)->Arg(16 << 20)->Unit(benchmark::kMicrosecond);
    }
    for (const char* name : {"float32", "posit(8,2)", "posit(16,2)"}) {
        const Format format = Format::parse(name);
        RegisterBenchmark(fmt::format("matmul/{}", name).c_str(), matmul, format)->Arg(256)->Arg(512)->Arg(1024)->Unit(benchmark::kMicrosecond)->UseRealTime();
        for (const ConvCase& c : lenet_convolutions())
            for (const std::string product : {"forward", "backward_data", "backward_weights"})
                RegisterBenchmark(fmt::format("{}/{}/{}", c.name, product, name).c_str(),
                                  [c, format, product](State& state) { convolution(state, c, format, product); })
                    ->Unit(benchmark::kMicrosecond)
                    ->UseRealTime();
    }
    RegisterBenchmark("lenet_step/float32", [](State& state) { lenet_step(state, {}); })->Unit(benchmark::kMillisecond)->UseRealTime();
    RegisterBenchmark("lenet_step/posit", [](State& state) { lenet_step(state, {.precision = apps::posit_mix()}); })->Unit(benchmark::kMillisecond)->UseRealTime();
}

}  // namespace taper::bench
