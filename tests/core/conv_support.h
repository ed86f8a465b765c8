// A convolution of the tests, by plain loops over its terms in the order that core/ops.h states.
#pragma once

#include <string>

#include "core/product_support.h"

namespace taper::tests {

struct Case {
    std::int64_t n, c, h, w, o, r, s, stride, padding, dilation = 1, groups = 1;
    std::int64_t p() const { return (h + 2 * padding - dilation * (r - 1) - 1) / stride + 1; }
    std::int64_t q() const { return (w + 2 * padding - dilation * (s - 1) - 1) / stride + 1; }
    std::int64_t c_of_group() const { return c / groups; }
    std::int64_t o_of_group() const { return o / groups; }
    Shape x() const { return {n, c, h, w}; }
    Shape weights() const { return {o, c_of_group(), r, s}; }
    Shape y() const { return {n, o, p(), q()}; }
    core::Conv2dSpec spec() const { return {.stride = stride, .padding = padding, .dilation = dilation, .groups = groups}; }
    std::string str() const {
        return x().str() + " " + weights().str() + " stride " + std::to_string(stride) + " padding " + std::to_string(padding) + " dilation "
               + std::to_string(dilation) + " groups " + std::to_string(groups);
    }

    std::int64_t at_x(std::int64_t in, std::int64_t ic, std::int64_t row, std::int64_t column) const {
        return row < 0 || row >= h || column < 0 || column >= w ? -1 : ((in * c + ic) * h + row) * w + column;
    }
    std::int64_t at_y(std::int64_t in, std::int64_t io, std::int64_t row, std::int64_t column) const { return ((in * o + io) * p() + row) * q() + column; }
    std::int64_t at_w(std::int64_t io, std::int64_t ic, std::int64_t ir, std::int64_t is) const { return ((io * c_of_group() + ic) * r + ir) * s + is; }

    // f(index in x or -1, index in w) for the terms of output `index`.
    template <class F>
    void visit_forward(std::int64_t index, const F& f) const {
        const std::int64_t j = index % q(), i = index / q() % p(), io = index / (q() * p()) % o, in = index / (q() * p() * o);
        for (std::int64_t ic = 0; ic < c_of_group(); ++ic)
            for (std::int64_t ir = 0; ir < r; ++ir)
                for (std::int64_t is = 0; is < s; ++is)
                    f(at_x(in, io / o_of_group() * c_of_group() + ic, i * stride + ir * dilation - padding, j * stride + is * dilation - padding),
                      at_w(io, ic, ir, is));
    }
    // f(index in dy or -1, index in w) for the terms of element `index` of dx.
    template <class F>
    void visit_backward_data(std::int64_t index, const F& f) const {
        const std::int64_t j = index % w, i = index / w % h, ic = index / (w * h) % c, in = index / (w * h * c), group = ic / c_of_group();
        for (std::int64_t io = group * o_of_group(); io < (group + 1) * o_of_group(); ++io)
            for (std::int64_t ir = r - 1; ir >= 0; --ir)
                for (std::int64_t is = s - 1; is >= 0; --is) {
                    const std::int64_t row = i + padding - ir * dilation, column = j + padding - is * dilation;
                    const bool lies = row >= 0 && column >= 0 && row % stride == 0 && column % stride == 0 && row / stride < p() && column / stride < q();
                    f(lies ? at_y(in, io, row / stride, column / stride) : -1, at_w(io, ic % c_of_group(), ir, is));
                }
    }
    // f(index in dy, index in x or -1) for the terms of element `index` of dw.
    template <class F>
    void visit_backward_weights(std::int64_t index, const F& f) const {
        const std::int64_t is = index % s, ir = index / s % r, ic = index / (s * r) % c_of_group(), io = index / (s * r * c_of_group());
        for (std::int64_t in = 0; in < n; ++in)
            for (std::int64_t i = 0; i < p(); ++i)
                for (std::int64_t j = 0; j < q(); ++j)
                    f(at_y(in, io, i, j),
                      at_x(in, io / o_of_group() * c_of_group() + ic, i * stride + ir * dilation - padding, j * stride + is * dilation - padding));
    }
    // f(output index, input index or -1, weight index) for every term of all forward sums, in order.
    template <class F>
    void visit(const F& f) const {
        for (std::int64_t i = 0; i < n * o * p() * q(); ++i)
            visit_forward(i, [&](std::int64_t ix, std::int64_t iw) { f(static_cast<std::size_t>(i), ix, static_cast<std::size_t>(iw)); });
    }
};

}  // namespace taper::tests
