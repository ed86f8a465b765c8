// What stochastic steps of a sum draw.
#pragma once

#include <taper/formats/philox.h>

namespace taper::cuda {

// The draws of core/serial_sum.h: word 0, 1, ... for the roundings of a step in turn.
struct SumDraws {
    std::uint64_t seed, stream, output;
    TAPER_FN Philox4 operator()(std::uint32_t k, std::uint64_t streams_on = 0) const {
        const std::uint64_t low = (output & 0xffffffff) | std::uint64_t{k} << 32, high = ((stream + streams_on) & 0xffffffff) | output >> 32 << 32;
        return philox(seed, low, high);
    }
};
constexpr std::uint32_t last_step = 0xffffffff;

}  // namespace taper::cuda
