// Values into codes: conversion between formats, constants, random numbers.
#include <cmath>
#include <cstring>
#include <numbers>

#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/parallel.h>
#include <taper/formats/convert.h>
#include <taper/formats/philox.h>

namespace taper {
namespace {

constexpr std::int64_t block = 2048;  // elements decoded at a time, on the stack

RoundingMode from_element(RoundingMode mode, std::int64_t index) {
    mode.draws.first_index += static_cast<std::uint64_t>(index);
    return mode;
}

struct Conversion {
    const Format& from;
    const Format& to;
    const void* x;
    void* y;
    std::int64_t n;
    const RoundingMode& mode;

    const void* source(std::int64_t index) const { return at(x, index, from.storage_bytes()); }
    void* target(std::int64_t index) const { return at(y, index, to.storage_bytes()); }
};

// Every value of `from` is a float, so that the encoder's is the only rounding.
std::size_t convert_by_float(const Conversion& c) {
    const Encoder encoder(c.to, c.mode);
    std::size_t lost = 0;
#pragma omp parallel for schedule(static) reduction(+ : lost) if (c.n >= parallel_from)
    for (std::int64_t begin = 0; begin < c.n; begin += block) {
        const std::int64_t count = std::min(block, c.n - begin);
        const std::size_t size = static_cast<std::size_t>(count);
        if (c.to == Format::float32()) {
            decode(c.from, c.source(begin), size, static_cast<float*>(c.target(begin)));
        } else if (c.from == Format::float32()) {
            lost += encoder(static_cast<const float*>(c.source(begin)), size, c.target(begin), static_cast<std::uint64_t>(begin));
        } else {
            float values[block];
            decode(c.from, c.source(begin), size, values);
            lost += encoder(values, size, c.target(begin), static_cast<std::uint64_t>(begin));
        }
    }
    return lost;
}

// float64 holds every value of every format.
std::size_t convert_by_double(const Conversion& c) {
    std::size_t lost = 0;
#pragma omp parallel for schedule(static) reduction(+ : lost) if (c.n >= parallel_from)
    for (std::int64_t begin = 0; begin < c.n; begin += block) {
        const std::size_t size = static_cast<std::size_t>(std::min(block, c.n - begin));
        if (c.from == Format::float64()) {
            lost += encode(c.to, static_cast<const double*>(c.source(begin)), size, c.target(begin), from_element(c.mode, begin));
        } else if (c.to == Format::float64()) {
            decode(c.from, c.source(begin), size, static_cast<double*>(c.target(begin)));
        } else {
            double values[block];
            decode(c.from, c.source(begin), size, values);
            lost += encode(c.to, values, size, c.target(begin), from_element(c.mode, begin));
        }
    }
    return lost;
}

template <class Code>
void repeat(Code* y, std::int64_t n, std::uint64_t code) {
    for_chunks(n, 16384, [&](std::int64_t begin, std::int64_t end) { std::fill(y + begin, y + end, static_cast<Code>(code)); });
}

// 53 random bits k, as k 2^-53 in [0, 1).
double unit(std::uint32_t low, std::uint32_t high) { return static_cast<double>((std::uint64_t{high} << 32 | low) >> 11) * 0x1p-53; }

// Elements 2p and 2p + 1 share the block of counter p: u = unit(word 0, word 1), v = unit(word 2, word 3).
//   normal:  sqrt(-2 ln(u + 2^-53)) cos(2 pi v), and the same with sin     uniform:  low + (high - low) u, and the same with v
struct RandomPairs {
    bool normal;
    double low, high;
    std::uint64_t seed, stream;

    void operator()(std::int64_t pair, double* y) const {
        const Philox4 bits = philox(seed, static_cast<std::uint64_t>(pair), stream);
        const double u = unit(bits.word[0], bits.word[1]), v = unit(bits.word[2], bits.word[3]);
        if (normal) {
            const double radius = std::sqrt(-2 * std::log(u + 0x1p-53)), angle = 2 * std::numbers::pi * v;
            y[0] = radius * std::cos(angle);
            y[1] = radius * std::sin(angle);
        } else {
            y[0] = low + (high - low) * u;
            y[1] = low + (high - low) * v;
        }
    }
};

}  // namespace

void CpuBackend::convert(const Tensor& x, Tensor& y, const RoundingMode& mode) {
    const Format from = x.format(), to = y.format();
    const Conversion conversion{from, to, x.data(), y.mutable_data(), x.elements(), mode};
    count_nan(from.exact_in_float32() ? convert_by_float(conversion) : convert_by_double(conversion));
}

void CpuBackend::fill(Tensor& y, double value) {
    const std::int64_t n = y.elements();
    if (n == 0) return;
    const std::uint64_t code = encode_one(y.format(), value);
    if (std::isnan(value) && !y.format().has_nan()) count_nan(static_cast<std::size_t>(n));
    switch (y.format().storage_bytes()) {
        case 1: return repeat(static_cast<std::uint8_t*>(y.mutable_data()), n, code);
        case 2: return repeat(static_cast<std::uint16_t*>(y.mutable_data()), n, code);
        case 4: return repeat(static_cast<std::uint32_t*>(y.mutable_data()), n, code);
        default: return repeat(static_cast<std::uint64_t*>(y.mutable_data()), n, code);
    }
}

void CpuBackend::random(Tensor& y, bool normal, double low, double high, std::uint64_t seed, std::uint64_t stream) {
    static_assert(block % 2 == 0, "a block holds whole pairs");
    const RandomPairs pairs{normal, low, high, seed, stream};
    const Format format = y.format();
    void* codes = y.mutable_data();
    for_chunks(y.elements(), block, [&](std::int64_t begin, std::int64_t end) {
        double values[block];
        for (std::int64_t i = begin; i < end; i += 2) pairs(i / 2, values + (i - begin));
        encode(format, values, static_cast<std::size_t>(end - begin), at(codes, begin, format.storage_bytes()));
    });
}

}  // namespace taper
