// The bit layout of the two host floats, for lane functions that are written once for 32-bit and 64-bit lanes.
#pragma once

#include <cstdint>

#include <taper/formats/host_device.h>

namespace taper {

template <class Real>
struct Lane;

template <>
struct Lane<float> {
    using Int = std::int32_t;
    using UInt = std::uint32_t;
    static constexpr int width = 32, fraction = 23, bias = 127;
    static constexpr Int infinity = 0x7f800000;
    static constexpr UInt quiet_nan = 0x7fc00000u;
};

template <>
struct Lane<double> {
    using Int = std::int64_t;
    using UInt = std::uint64_t;
    static constexpr int width = 64, fraction = 52, bias = 1023;
    static constexpr Int infinity = 0x7ff0000000000000;
    static constexpr UInt quiet_nan = 0x7ff8000000000000u;
};

template <class To, class From>
TAPER_FN To bits_as(From x) {
    static_assert(sizeof(To) == sizeof(From));
    return __builtin_bit_cast(To, x);
}

// 2^e as a normal number of the lane.
template <class Real>
TAPER_FN Real power_of_two(int e) {
    return bits_as<Real>(static_cast<typename Lane<Real>::UInt>(e + Lane<Real>::bias) << Lane<Real>::fraction);
}

}  // namespace taper
