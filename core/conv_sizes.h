// ConvSizes: the sizes of a convolution, by the names that its drivers use.
#pragma once

#include <cstdint>

#include <taper/core/ops.h>

namespace taper {

// Sizes of a convolution: x [n, groups c, h, w], weights [groups o, c, r, s], y [n, groups o, p, q].
struct ConvSizes {
    std::int64_t n, c, h, w, o, r, s, p, q, stride, padding, dilation, groups;
    std::int64_t group = 0;  // the one that a driver of single groups computes

    ConvSizes(const core::Conv2dSpec& spec, const Shape& x, const Shape& weights, const Shape& y)
        : n(x[0]),
          c(weights[1]),
          h(x[2]),
          w(x[3]),
          o(weights[0] / spec.groups),
          r(weights[2]),
          s(weights[3]),
          p(y[2]),
          q(y[3]),
          stride(spec.stride),
          padding(spec.padding),
          dilation(spec.dilation),
          groups(spec.groups) {}

    std::int64_t weights_of_group() const { return o * c * r * s; }
};

}  // namespace taper
