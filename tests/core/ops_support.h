// What the tests of the core ops share: sample formats, random codes, comparisons code by code.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include <taper/core/backend.h>
#include <taper/core/ops.h>
#include <taper/core/random.h>
#include <taper/formats/convert.h>
#include <taper/formats/philox.h>

#include "support/level.h"
#include "support/throws.h"

namespace taper::tests {

class CoreOps : public EveryLevel {
  protected:
    void SetUp() override {
        EveryLevel::SetUp();
        seed(7);
    }
};

inline std::vector<Format> parse_all(std::initializer_list<const char*> names) {
    std::vector<Format> formats;
    for (const char* name : names) formats.push_back(Format::parse(name));
    return formats;
}

inline std::vector<Format> formats_of_8_bits() {
    return parse_all({"posit(8,0)", "posit(8,1)", "posit(8,2)", "posit(8,3)", "posit(8,4)", "posit(8,2,underflow)", "posit(6,1)", "posit(2,0)", "posit(3,2)", "e4m3", "e4m3,sat",
                      "e5m2", "e5m2,sat", "e4m3fnuz", "e5m2fnuz", "e3m2", "e2m3", "e2m1", "e8m0", "fixed(8,4)", "fixed(8,4,symmetric)", "fixed(5,-2)", "fixed(8,60)", "posit(8,1)*0.125",
                      "e4m3*4096", "posit(6,1)*1.2194330274671845e+142", "posit(8,0)*7.52316384526264e-37", "fixed(8,4)*0.03125"});
}

inline std::vector<Format> wider_formats() {
    return parse_all({"posit(16,0)", "posit(16,1)", "posit(16,2)", "posit(16,3)", "posit(16,4)", "posit(12,1)", "posit(16,2,underflow)", "posit(32,2)", "posit(32,0)", "posit(31,4)",
                      "posit(24,1)", "fp16", "fp16,sat", "bf16", "bf16,sat", "float(7,8)", "float(6,9)", "float(8,10)", "float(8,15)", "float(5,23)", "float32", "float32,sat",
                      "fixed(12,6)", "fixed(16,8)", "fixed(24,12)", "fixed(24,-3)", "posit(16,1)*0.25", "fp16*1048576", "posit(12,1)*1.157920892373162e+77",
                      "fixed(16,8)*0.5"});
}

inline std::uint64_t code_mask(const Format& f) { return f.bits() == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << f.bits()) - 1; }

inline std::vector<std::uint64_t> all_codes(const Format& f) {
    std::vector<std::uint64_t> codes(std::size_t{1} << f.bits());
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = i;
    return codes;
}

inline std::vector<std::uint64_t> random_codes(const Format& f, std::size_t n, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::uint64_t> codes(n);
    for (std::uint64_t& code : codes) code = random() & code_mask(f);
    return codes;
}

inline Tensor tensor_of(const std::vector<std::uint64_t>& codes, const Format& f) { return Tensor::from_codes(codes, {static_cast<std::int64_t>(codes.size())}, f); }

// The codes, with no report of NaN that had none.
inline std::vector<std::uint64_t> codes_of(const Tensor& x) {
    backend(x.device()).take_nan_count();
    return x.codes();
}

// Equal codes; any two codes of NaN count as equal.
inline bool same(const Format& f, std::uint64_t a, std::uint64_t b) { return a == b || (f.has_nan() && Number(f, a).is_nan() && Number(f, b).is_nan()); }

// The draw of element i of the next stochastic call.
struct NextDraws {
    std::uint64_t seed = default_generator().seed(), stream = default_generator().stream();
    std::uint32_t operator[](std::size_t i) const { return philox_draw(seed, stream, i); }
};

// Values that a loop over a few thousand elements reaches on one thread and on two.
inline std::vector<double> normal_values(std::size_t n, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    std::vector<double> values(n);
    for (double& v : values) v = normal(random);
    return values;
}

// The stated order of float64 sums: blocks of 4096, element i of a block in lane i mod 8, lanes then blocks added in order.
inline double defined_sum(const std::vector<double>& x) {
    double total = 0;
    for (std::size_t block = 0; block < x.size(); block += 4096) {
        double lane[8] = {};
        for (std::size_t i = 0; i < 4096 && block + i < x.size(); ++i) lane[i % 8] += x[block + i];
        double sum = lane[0];
        for (int l = 1; l < 8; ++l) sum += lane[l];
        total += sum;
    }
    return total;
}

}  // namespace taper::tests
