// ConvSizes: the sizes of a convolution, by the names that its drivers use.
#pragma once

#include <cstdint>

#include <taper/core/ops.h>

namespace taper::cpu {

// Sizes of a convolution: x [n, c, h, w], weights [o, c, r, s], y [n, o, p, q].
struct ConvSizes {
    std::int64_t n, c, h, w, o, r, s, p, q, stride, padding;

    ConvSizes(const core::Conv2dSpec& spec, const Shape& x, const Shape& weights, const Shape& y)
        : n(x[0]), c(x[1]), h(x[2]), w(x[3]), o(weights[0]), r(weights[2]), s(weights[3]), p(y[2]), q(y[3]), stride(spec.stride), padding(spec.padding) {}
};

}  // namespace taper::cpu
