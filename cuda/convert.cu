// Values into codes: conversion between formats, constants, random numbers.
#include <cmath>
#include <numbers>

#include <taper/cuda/array_convert.h>
#include <taper/cuda/backend.h>
#include <taper/formats/convert.h>

namespace taper::cuda {

namespace {

template <class T>
void convert_each(Runtime& runtime, std::int64_t n, const Input x, const Result y) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { y.put(i, x.at<T>(i)); });
}

// 53 random bits k, as k 2^-53 in [0, 1).
TAPER_FN double unit(std::uint32_t low, std::uint32_t high) { return static_cast<double>((std::uint64_t{high} << 32 | low) >> 11) * 0x1p-53; }

// core/cpu/convert.cpp: elements 2p and 2p + 1 share the block of counter p.
struct RandomPairs {
    bool normal;
    double low, high;
    std::uint64_t seed, stream;

    TAPER_FN void operator()(std::int64_t pair, double& first, double& second) const {
        const Philox4 bits = philox(seed, static_cast<std::uint64_t>(pair), stream);
        const double u = unit(bits.word[0], bits.word[1]), v = unit(bits.word[2], bits.word[3]);
        if (normal) {
            const double radius = std::sqrt(-2 * std::log(u + 0x1p-53)), angle = 2 * std::numbers::pi * v;
            first = radius * std::cos(angle);
            second = radius * std::sin(angle);
        } else {
            first = low + (high - low) * u;
            second = low + (high - low) * v;
        }
    }
};

void fill_random(Runtime& runtime, std::int64_t n, const RandomPairs pairs, const Result y) {
    for_each(runtime, (n + 1) / 2, TAPER_BODY(std::int64_t pair) {
        double first = 0, second = 0;
        pairs(pair, first, second);
        y.put(2 * pair, first);
        if (2 * pair + 1 < n) y.put(2 * pair + 1, second);
    });
}

void fill_code(Runtime& runtime, std::int64_t n, std::uint64_t code, bool lost, const Result y) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        y.put_code(i, code);
        y.lose(lost);
    });
}

}  // namespace

void CudaBackend::convert(const Tensor& x, Tensor& y, const RoundingMode& mode) {
    const Input in(runtime_, x);
    const Result out(runtime_, y, mode);
    if (x.format() == Format::float32())
        encode_array(runtime_, x.elements(), static_cast<const float*>(x.data()), out);
    else if (y.format() == Format::float32() && x.format().exact_in_float32())
        decode_array<Whole>(runtime_, x.elements(), in, static_cast<float*>(y.mutable_data()));
    else if (x.format().exact_in_float32())
        convert_each<float>(runtime_, x.elements(), in, out);
    else
        convert_each<double>(runtime_, x.elements(), in, out);
}

void CudaBackend::fill(Tensor& y, double value) {
    fill_code(runtime_, y.elements(), encode_one(y.format(), value), std::isnan(value), Result(runtime_, y, RoundingMode{}));
}

void CudaBackend::random(Tensor& y, bool normal, double low, double high, std::uint64_t seed, std::uint64_t stream) {
    fill_random(runtime_, y.elements(), {normal, low, high, seed, stream}, Result(runtime_, y, RoundingMode{}));
}

}  // namespace taper::cuda
