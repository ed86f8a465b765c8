// The four sums of products as plain loops over their terms in the order that defines them: exact sums, and float64 for float64 operands.
#pragma once

#include <cmath>
#include <vector>

#include <taper/core/backend.h>
#include <taper/core/cpu/split.h>
#include <taper/formats/convert.h>
#include <taper/formats/exact_sum.h>
#include <taper/formats/philox.h>

namespace taper::cpu {

// Each Terms calls term(i, j) for all count() products first[i] * second[j] of one output; i or j is -1 at a padded position, whose factor is 0.
struct MatmulTerms {
    const Backend::MatmulShape& shape;

    std::int64_t count() const { return shape.k; }
    std::int64_t bias_index(std::int64_t output) const { return output % shape.n; }
    template <class Term>
    void operator()(std::int64_t output, Term&& term) const {  // k ascending
        const std::int64_t n = output % shape.n, m = output / shape.n % shape.m, batch = output / shape.n / shape.m;
        const std::int64_t a = shape.a_offset[static_cast<std::size_t>(batch)], b = shape.b_offset[static_cast<std::size_t>(batch)];
        for (std::int64_t k = 0; k < shape.k; ++k) {
            term(a + (shape.transpose_a ? k * shape.m + m : m * shape.k + k), b + (shape.transpose_b ? n * shape.k + k : k * shape.n + n));
        }
    }
};

// Sizes of a convolution: x [n, c, h, w], weights [o, c, r, s], y [n, o, p, q].
struct ConvSizes {
    std::int64_t n, c, h, w, o, r, s, p, q, stride, padding;

    ConvSizes(const core::Conv2dSpec& spec, const Shape& x, const Shape& weights, const Shape& y)
        : n(x[0]), c(x[1]), h(x[2]), w(x[3]), o(weights[0]), r(weights[2]), s(weights[3]), p(y[2]), q(y[3]), stride(spec.stride), padding(spec.padding) {}

    std::int64_t x_index(std::int64_t image, std::int64_t channel, std::int64_t row, std::int64_t column) const {  // -1 in the padding
        return row < 0 || row >= h || column < 0 || column >= w ? -1 : ((image * c + channel) * h + row) * w + column;
    }
    std::int64_t w_index(std::int64_t out, std::int64_t in, std::int64_t row, std::int64_t column) const { return ((out * c + in) * r + row) * s + column; }
    // Row and column count in dy with zeros between its elements; -1 on those and outside.
    std::int64_t dy_index(std::int64_t image, std::int64_t channel, std::int64_t row, std::int64_t column) const {
        if (row < 0 || column < 0 || row % stride != 0 || column % stride != 0 || row / stride >= p || column / stride >= q) return -1;
        return ((image * o + channel) * p + row / stride) * q + column / stride;
    }
};

struct ConvTerms : ConvSizes {
    explicit ConvTerms(const ConvSizes& sizes) : ConvSizes(sizes) {}
    std::int64_t count() const { return c * r * s; }
    std::int64_t bias_index(std::int64_t output) const { return output / (p * q) % o; }
    template <class Term>
    void operator()(std::int64_t output, Term&& term) const {  // (input channel, kernel row, kernel column)
        const std::int64_t column = output % q, row = output / q % p, out = output / (p * q) % o, image = output / (p * q * o);
        for (std::int64_t ic = 0; ic < c; ++ic) {
            for (std::int64_t ir = 0; ir < r; ++ir) {
                for (std::int64_t is = 0; is < s; ++is) {
                    term(x_index(image, ic, row * stride + ir - padding, column * stride + is - padding), w_index(out, ic, ir, is));
                }
            }
        }
    }
};

struct ConvBackwardDataTerms : ConvSizes {
    explicit ConvBackwardDataTerms(const ConvSizes& sizes) : ConvSizes(sizes) {}
    std::int64_t count() const { return o * r * s; }
    std::int64_t bias_index(std::int64_t) const { return 0; }
    template <class Term>
    void operator()(std::int64_t output, Term&& term) const {  // (output channel, row, column) of the flipped kernel
        const std::int64_t column = output % w, row = output / w % h, in = output / (h * w) % c, image = output / (h * w * c);
        for (std::int64_t io = 0; io < o; ++io) {
            for (std::int64_t ir = r - 1; ir >= 0; --ir) {
                for (std::int64_t is = s - 1; is >= 0; --is) term(dy_index(image, io, row + padding - ir, column + padding - is), w_index(io, in, ir, is));
            }
        }
    }
};

struct ConvBackwardWeightsTerms : ConvSizes {
    explicit ConvBackwardWeightsTerms(const ConvSizes& sizes) : ConvSizes(sizes) {}
    std::int64_t count() const { return n * p * q; }
    std::int64_t bias_index(std::int64_t) const { return 0; }
    template <class Term>
    void operator()(std::int64_t output, Term&& term) const {  // (sample, row, column)
        const std::int64_t is = output % s, ir = output / s % r, in = output / (s * r) % c, out = output / (s * r * c);
        for (std::int64_t image = 0; image < n; ++image) {
            for (std::int64_t row = 0; row < p; ++row) {
                for (std::int64_t column = 0; column < q; ++column) {
                    term(((image * o + out) * p + row) * q + column, x_index(image, in, row * stride + ir - padding, column * stride + is - padding));
                }
            }
        }
    }
};

constexpr std::int64_t plain_work = 16;  // a term here costs this many multiply-adds of the fast kernels, or more

inline std::vector<double> decoded(const Tensor& x) {
    std::vector<double> values(x.defined() ? static_cast<std::size_t>(x.elements()) : 0);
    if (x.defined()) decode(x.format(), x.data(), values.size(), values.data());
    return values;
}

void store_code(std::uint64_t code, int bytes, void* codes, std::int64_t index);

// A register that holds every sum of products of the two formats and every value of the third (the bias; may be the first again).
ExactSum exact_register(const Format& first, const Format& second, const Format& bias);

// y[i] = r(bias + sum of the terms), exactly summed.  Returns how many NaN had no code.
template <class Terms>
std::size_t exact_product(const Terms& terms, const Tensor& first, const Tensor& second, const Tensor& bias, Tensor& y, const RoundingMode& mode) {
    const std::vector<double> a = decoded(first), b = decoded(second), c = decoded(bias);
    const ExactSum empty = exact_register(first.format(), second.format(), bias.defined() ? bias.format() : first.format());
    const std::int64_t outputs = y.elements();
    const bool has_nan = y.format().has_nan();
    const int bytes = y.format().storage_bytes();
    void* const codes = y.mutable_data();
    std::size_t nans = 0;
#pragma omp parallel reduction(+ : nans) if (threads_for(outputs * terms.count() * plain_work) > 1)
    {
        ExactSum sum = empty;
#pragma omp for schedule(static)
        for (std::int64_t i = 0; i < outputs; ++i) {
            sum.clear();
            double special = c.empty() ? 0 : c[static_cast<std::size_t>(terms.bias_index(i))];  // NaN if the sum is
            if (!c.empty()) sum.add(special);
            terms(i, [&](std::int64_t ia, std::int64_t ib) {
                const double x = ia < 0 ? 0 : a[static_cast<std::size_t>(ia)], z = ib < 0 ? 0 : b[static_cast<std::size_t>(ib)];
                sum.add_product(x, z);
                if (!std::isfinite(x) || !std::isfinite(z)) special += x * z;
            });
            nans += !has_nan && std::isnan(special);
            const auto draw = philox_draw(mode.draws.seed, mode.draws.stream, mode.draws.first_index + static_cast<std::uint64_t>(i));
            store_code(sum.round_to(y.format(), mode.mode, draw), bytes, codes, i);
        }
    }
    return nans;
}

// The same with each sum formed in float64, in order.
template <class Terms>
std::size_t float64_product(const Terms& terms, const Tensor& first, const Tensor& second, const Tensor& bias, Tensor& y, const RoundingMode& mode) {
    const std::vector<double> a = decoded(first), b = decoded(second), c = decoded(bias);
    std::vector<double> sums(static_cast<std::size_t>(y.elements()));
    const std::int64_t outputs = y.elements();
#pragma omp parallel for schedule(static) if (threads_for(outputs * terms.count() * plain_work) > 1)
    for (std::int64_t i = 0; i < outputs; ++i) {
        double sum = c.empty() ? 0 : c[static_cast<std::size_t>(terms.bias_index(i))];
        terms(i, [&](std::int64_t ia, std::int64_t ib) {
            sum += (ia < 0 ? 0 : a[static_cast<std::size_t>(ia)]) * (ib < 0 ? 0 : b[static_cast<std::size_t>(ib)]);
        });
        sums[static_cast<std::size_t>(i)] = sum;
    }
    return encode(y.format(), sums.data(), sums.size(), y.mutable_data(), mode);
}

// float64 operands (gradient checks) are summed in float64.
inline bool sums_in_float64(const Tensor& first, const Tensor& second, const Tensor& bias) {
    const auto float64 = [](const Tensor& x) { return x.defined() && x.format() == Format::float64(); };
    return float64(first) || float64(second) || float64(bias);
}

}  // namespace taper::cpu
