#include "gpu.h"

#include <algorithm>
#include <functional>
#include <string>

#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/core/ops.h>
#include <taper/core/random.h>
#include <taper/formats/error.h>

#include "timing.h"

namespace taper::bench {
namespace {

// The shortest of several runs after two unmeasured ones, seconds; each waits for the device.
double shortest(const std::function<void()>& work) {
    const auto whole = [&] {
        work();
        backend(Device::cuda()).synchronize();
    };
    double best = 1e30;
    for (int i = 0; i < 7; ++i) {
        const double seconds = time_once(whole);
        if (i >= 2) best = std::min(best, seconds);
    }
    return best;
}

void print(const std::string& name, double value, const char* unit, const std::string& goal) {
    fmt::print("{:<34} {:>10.3f}  {:<14} {}\n", name, value, unit, goal);
    std::fflush(stdout);
}

void conversions() {
    constexpr std::int64_t n = std::int64_t{1} << 28;
    const Tensor x = randn({n}, Format::float32(), Device::cuda());
    const double copy = 8.0 * n / shortest([&] { x.clone(); });
    print("copy", copy / 1e9, "GB/s", "");
    for (const char* name : {"posit(8,1)", "posit(8,2)", "e4m3", "posit(16,1)"}) {
        const Format format = Format::parse(name);
        const Tensor codes = x.to(format);
        const double bytes = static_cast<double>(n) * (4 + format.storage_bytes());
        print(std::string("encode ") + name, bytes / shortest([&] { x.to(format); }) / copy, "of copy", ">= 0.8");
        print(std::string("decode ") + name, bytes / shortest([&] { codes.to(Format::float32()); }) / copy, "of copy", ">= 0.8");
    }
}

struct Product {
    const char *operands, *accumulator;
    std::int64_t size;
    const char* goal;   // 10^12 multiply-adds a second
    bool anew = false;  // each time with copies of the operands, which have to be decoded
};

double speed(const Product& p) {
    const Format format = Format::parse(p.operands);
    const Tensor a = randn({p.size, p.size}, format, Device::cuda()), b = randn({p.size, p.size}, format, Device::cuda());
    const core::MatmulOptions options{.transpose_b = true, .accumulator = Accumulator::parse(p.accumulator)};
    const double n = static_cast<double>(p.size);
    return n * n * n / shortest([&] { p.anew ? core::matmul(a.clone(), b.clone(), options) : core::matmul(a, b, options); }) / 1e12;
}

// 0 where it fails, which is said.
double measured(const Product& p, bool& all) {
    const std::string name = fmt::format("{} {} {}{}", p.operands, p.accumulator, p.size, p.anew ? " anew" : "");
    try {
        const double value = speed(p);
        print(name, value, "TMAC/s", p.goal);
        return value;
    } catch (const Error& error) {
        fmt::print("{}: {}\n", name, error.what());
        all = false;
        return 0;
    }
}

// Whether all could be formed.
bool products() {
    bool all = true;
    const double bf16 = measured({"bf16", "float32", 8192, ""}, all), kept = measured({"posit(8,2)", "float32", 8192, ""}, all),
                 anew = measured({"posit(8,2)", "float32", 8192, "", true}, all);
    if (bf16 > 0) {
        print("posit(8,2) float32 8192", kept / bf16, "of bf16", ">= 0.9");
        print("posit(8,2) float32 8192 anew", anew / bf16, "of bf16", ">= 0.75");
    }
    for (const Product& p : {Product{"posit(16,1)", "float32", 8192, ""},
                             {"posit(8,1)", "exact", 4096, ">= 40"},
                             {"posit(16,1)", "exact", 4096, ">= 20"},
                             {"posit(8,1)", "rounded_f32(fp16)", 4096, ">= 30"},
                             {"posit(8,2)", "rounded_f32(bf16)", 4096, ">= 30"},
                             {"fp16", "rounded(fp16)", 4096, ">= 30"},
                             {"posit(8,2)", "rounded_f32(posit(16,2))", 2048, ">= 1.4"},
                             {"posit(8,2)", "rounded_f32(posit(8,2))", 2048, ">= 0.6"},
                             {"posit(8,2)", "rounded(posit(16,2))", 2048, ">= 0.4"},
                             {"posit(8,2)", "rounded(posit(8,2),stochastic)", 2048, ""}})
        measured(p, all);
    return all;
}

}  // namespace

int run_gpu() {
    if (cuda_backend() == nullptr) {
        fmt::print(stderr, "bench: no GPU answers (want a build with CUDA and a GPU of compute capability 8.0 or more)\n");
        return 2;
    }
    conversions();
    return products() ? 0 : 1;
}

}  // namespace taper::bench
