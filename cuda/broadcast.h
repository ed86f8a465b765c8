// Broadcast: where an element of a result lies in an operand that is stretched to its shape.
#pragma once

#include <taper/cuda/divisor.h>
#include <taper/cuda/element_io.h>
#include <taper/formats/error.h>

namespace taper::cuda {

constexpr int most_axes = 8;

struct Broadcast {
    int axes = 0;  // 0: the operand has the result's shape
    Divisor size[most_axes];
    std::int64_t stride[most_axes] = {};

    Broadcast() = default;
    Broadcast(const Shape& x, const Shape& y) {
        if (x == y) return;
        const std::vector<std::int64_t> own = x.strides();
        const int missing = y.rank() - x.rank();
        for (int axis = 0; axis < y.rank(); ++axis) {
            if (y[axis] == 1) continue;
            const std::int64_t step = axis < missing || x[axis - missing] == 1 ? 0 : own[static_cast<std::size_t>(axis - missing)];
            if (axes > 0 && stride[axes - 1] == step * y[axis]) {
                size[axes - 1] = size[axes - 1] * y[axis];
                stride[axes - 1] = step;
                continue;
            }
            if (axes == most_axes) throw Error("cuda: too many axes to broadcast over: " + x.str() + " to " + y.str());
            size[axes] = y[axis];
            stride[axes++] = step;
        }
        if (axes == 0) size[axes++] = 1;
    }
    TAPER_FN std::int64_t operator()(std::int64_t i) const {
        if (axes == 0) return i;
        std::int64_t offset = 0;
        for (int axis = axes - 1; axis >= 0; --axis) {
            const std::int64_t rest = i / size[axis];
            offset += (i - rest * size[axis]) * stride[axis];
            i = rest;
        }
        return offset;
    }
};

}  // namespace taper::cuda
