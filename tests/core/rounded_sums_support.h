// What the tests of sums that are rounded at every step share: random cases of every kind, bit for bit against SerialSum, which defines them.
#pragma once

#include <array>
#include <cmath>

#include <taper/core/serial_sum.h>

#include "core/product_support.h"

namespace taper::tests {

inline const std::vector<Format>& operand_formats() {
    static const std::vector<Format> formats = parse_all({"posit(6,1)", "posit(8,0)", "posit(8,1)", "posit(8,2)", "posit(16,1)", "posit(16,2)", "e4m3", "e5m2",
                                                          "bf16", "fixed(8,4)", "fp16", "posit(32,2)", "float32", "posit(8,1)*0.125", "posit(16,1)*16", "e4m3*2.938735877055719e-39"});
    return formats;
}

inline const std::vector<Format>& sum_formats() {
    static const std::vector<Format> formats = parse_all({"posit(6,1)",
                                                          "posit(8,0)",
                                                          "posit(8,1)",
                                                          "posit(8,2)",
                                                          "posit(16,1)",
                                                          "posit(16,2)",
                                                          "posit(32,2)",
                                                          "posit(8,2,underflow)",
                                                          "posit(16,1,underflow)",
                                                          "posit(3,0)",
                                                          "posit(2,0)",
                                                          "e4m3",
                                                          "e4m3,sat",
                                                          "e4m3fnuz",
                                                          "e5m2",
                                                          "bf16",
                                                          "bf16,sat",
                                                          "fp16",
                                                          "fp16,sat",
                                                          "float(6,9)",
                                                          "float(1,5)",
                                                          "e2m1",
                                                          "fixed(8,4)",
                                                          "fixed(16,8,symmetric)",
                                                          "fixed(24,12)",
                                                          "float32",
                                                          "float32,sat",
                                                          "posit(8,1)*0.125",
                                                          "e5m2*16",
                                                          "fixed(8,4)*4",
                                                          "fixed(16,8)*0.00390625"});
    return formats;
}

enum class Data { network, wide, codes };

inline double value_like(Data data, std::mt19937_64& random) {
    std::normal_distribution<double> normal;
    const double x = normal(random);
    return data == Data::network ? (random() % 8 == 0 ? 0 : x / 4) : std::copysign(std::exp(4 * normal(random)), x);
}

inline Tensor operand(const Shape& shape, const Format& format, Data data, std::mt19937_64& random) {
    std::vector<std::uint64_t> codes(static_cast<std::size_t>(shape.elements()));
    for (std::uint64_t& code : codes) {
        do {
            code = data == Data::codes ? random() & code_mask(format) : encode_one(format, format.scale() * value_like(data, random));
        } while (!std::isfinite(decode_one(format, code)));
    }
    return Tensor::from_codes(codes, shape, format);
}

// The same with one NaN, NaR or infinity of the format in it, where it has one.
inline Tensor with_special(const Tensor& x, std::mt19937_64& random) {
    std::vector<std::uint64_t> codes = x.codes();
    const Format& format = x.format();
    const double infinity = std::numeric_limits<double>::infinity();
    if (!codes.empty() && format.has_nan()) codes[random() % codes.size()] = encode_one(format, random() % 2 == 0 ? infinity : std::nan(""));
    return Tensor::from_codes(codes, x.shape(), format);
}

// a [M, K] times b [K, N] by SerialSum; NaN without a code are counted in nans.
inline std::vector<std::uint64_t> serial_codes(const Tensor& a, const Tensor& b, const Tensor& bias, const Accumulator& accumulator, const Target& output,
                                        std::size_t& nans) {
    const std::size_t m = static_cast<std::size_t>(a.shape()[0]), k = static_cast<std::size_t>(a.shape()[1]), n = static_cast<std::size_t>(b.shape()[1]);
    const std::vector<double> x = a.to_vector_double(), w = b.to_vector_double(), first = bias.defined() ? bias.to_vector_double() : std::vector<double>(n, 0);
    const RoundingMode mode{output.rounding, {default_generator().seed(), default_generator().stream(), 0}};
    SerialSum sum(accumulator, a.format(), b.format(), mode.draws);
    std::vector<std::uint64_t> codes(m * n);
    for (std::size_t i = 0; i < m * n; ++i) {
        sum.start(i, first[i % n]);
        for (std::size_t t = 0; t < k; ++t) sum.add(x[i / n * k + t], w[t * n + i % n]);
        codes[i] = sum.finish(output.format, mode);
        nans += sum.is_nan() && !output.format.has_nan() ? 1 : 0;
    }
    return codes;
}

inline void check(const Tensor& a, const Tensor& b, const Tensor& bias, const Accumulator& accumulator, const Target& output) {
    std::size_t nans = 0;
    const std::vector<std::uint64_t> want = serial_codes(a, b, bias, accumulator, output, nans);
    const Tensor y = core::matmul(a, b, {.accumulator = accumulator, .output = output, .bias = bias});
    ASSERT_EQ(backend(y.device()).take_nan_count(), nans) << accumulator.name();
    const std::vector<std::uint64_t> got = y.codes();
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < got.size() && wrong < 3; ++i) {
        if (same(output.format, got[i], want[i])) continue;
        ++wrong;
        ADD_FAILURE() << accumulator.name() << " of " << a.format().name() << " and " << b.format().name() << ", a " << a.shape().str() << ", b "
                      << b.shape().str() << " into " << output.format.name() << ": output " << i << " is " << std::hex << got[i] << ", want " << want[i];
    }
}

// Accumulators that round into `format`; what float32 does not hold has no mode through float32.
inline std::vector<Accumulator> accumulators_of(const Format& format, const Format& other) {
    std::vector<Accumulator> all{Accumulator::rounded(format),
                                 Accumulator::rounded(format, other),
                                 Accumulator::compensated(format),
                                 Accumulator::chunked(8, Accumulator::float32(), format),
                                 Accumulator::chunked(5, Accumulator::float64(), format),
                                 Accumulator::chunked(7, Accumulator::exact(), format),
                                 Accumulator::chunked(33, Accumulator::rounded(other), format),
                                 Accumulator::chunked(2, Accumulator::compensated(other), format)};
    if (format.exact_in_float32()) all.push_back(Accumulator::rounded_f32(format));
    if (other.exact_in_float32()) all.push_back(Accumulator::chunked(32, Accumulator::rounded_f32(other), format));
    return all;
}

inline bool through_float32(const Accumulator& accumulator) {
    const Accumulator& sum = accumulator.kind() == Accumulator::Kind::chunked ? accumulator.inner() : accumulator;
    return sum.kind() == Accumulator::Kind::float32 || sum.kind() == Accumulator::Kind::rounded_f32;
}

// Walks the choices that a case is made of, so that every list is gone through without the product of all.
struct Choices {
    std::mt19937_64 random{11};
    template <class T>
    const T& of(const std::vector<T>& list) {
        return list[random() % list.size()];
    }
    Format operand_for(const Accumulator& accumulator) {
        while (true) {
            const Format& format = of(operand_formats());
            if (!through_float32(accumulator) || format.exact_in_float32()) return format;
        }
    }
};

// One case of the accumulator, of random operands and output.
inline void check_case(Choices& choose, const Accumulator& accumulator, const Format& format, const std::array<std::int64_t, 3>& sizes) {
    const auto [m, k, n] = sizes;
    const Data data = static_cast<Data>(choose.random() % 3);
    Tensor a = operand({m, k}, choose.operand_for(accumulator), data, choose.random);
    const Tensor b = operand({k, n}, choose.operand_for(accumulator), data, choose.random);
    if (choose.random() % 8 == 0) a = with_special(a, choose.random);
    const Tensor bias = choose.random() % 2 == 0 ? operand({n}, choose.operand_for(accumulator), data, choose.random) : Tensor();
    const Rounding rounding = choose.random() % 8 == 0 ? Rounding::stochastic : Rounding::nearest;
    check(a, b, bias, accumulator, Target(choose.random() % 3 == 0 ? choose.of(sum_formats()) : format, rounding));
}

inline std::uint64_t dot(const char* accumulator, const char* format, const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b,
                  std::uint64_t bias = 0) {
    const Format f = Format::parse(format);
    const std::int64_t k = static_cast<std::int64_t>(a.size());
    return core::matmul(Tensor::from_codes(a, {1, k}, f), Tensor::from_codes(b, {k, 1}, f),
                        {.accumulator = Accumulator::parse(accumulator), .bias = Tensor::from_codes(std::vector<std::uint64_t>{bias}, {1}, f)})
        .codes()[0];
}

}  // namespace taper::tests
