// The host's own types as formats: float32 and float64, and the index types int32 and uint8 on which no arithmetic is done.
#pragma once

#include <cstdint>

#include <taper/formats/fixed.h>
#include <taper/formats/host_device.h>
#include <taper/formats/minifloat.h>
#include <taper/formats/unpacked.h>

namespace taper {

// IEEE binary32 and binary64: the bits of a float and of a double.
template <int e, int m>
struct IeeeFloat {
    friend bool operator==(const IeeeFloat&, const IeeeFloat&) = default;

    TAPER_FN static Minifloat layout() { return {e, m, Specials::ieee, Overflow::ieee}; }
    TAPER_FN int bits() const { return layout().bits(); }
    TAPER_FN std::uint64_t max_code() const { return layout().max_code(); }
    TAPER_FN std::uint64_t min_positive_code() const { return 1; }
    TAPER_FN bool has_nan() const { return true; }
    TAPER_FN int significand_bits() const { return m + 1; }
    TAPER_FN int min_exponent() const { return layout().min_exponent(); }
    TAPER_FN Unpacked unpack(std::uint64_t code) const { return layout().unpack(code); }
    TAPER_FN std::uint64_t pack(const Unpacked& x, Rounding mode, std::uint32_t draw) const { return layout().pack(x, mode, draw); }
};

struct Float32 : IeeeFloat<8, 23> {
    friend bool operator==(const Float32&, const Float32&) = default;
};

struct Float64 : IeeeFloat<11, 52> {
    friend bool operator==(const Float64&, const Float64&) = default;
};

// Integers for indices and labels: rounded to nearest, clamped; no code for NaN.
struct Int32 {
    friend bool operator==(const Int32&, const Int32&) = default;

    TAPER_FN static Fixed layout() { return {32, 0, FixedRange::full}; }
    TAPER_FN int bits() const { return 32; }
    TAPER_FN std::uint64_t max_code() const { return 0x7fffffff; }
    TAPER_FN std::uint64_t min_positive_code() const { return 1; }
    TAPER_FN bool has_nan() const { return false; }
    TAPER_FN int significand_bits() const { return 31; }
    TAPER_FN int min_exponent() const { return 0; }
    TAPER_FN Unpacked unpack(std::uint64_t code) const { return layout().unpack(code); }
    TAPER_FN std::uint64_t pack(const Unpacked& x, Rounding mode, std::uint32_t draw) const { return layout().pack(x, mode, draw); }
};

struct UInt8 {
    friend bool operator==(const UInt8&, const UInt8&) = default;

    TAPER_FN int bits() const { return 8; }
    TAPER_FN std::uint64_t max_code() const { return 0xff; }
    TAPER_FN std::uint64_t min_positive_code() const { return 1; }
    TAPER_FN bool has_nan() const { return false; }
    TAPER_FN int significand_bits() const { return 8; }
    TAPER_FN int min_exponent() const { return 0; }
    TAPER_FN Unpacked unpack(std::uint64_t code) const { return unpacked_from(false, code, 0); }
    TAPER_FN std::uint64_t pack(const Unpacked& x, Rounding mode, std::uint32_t draw) const {
        if (x.negative) return 0;
        const std::uint64_t k = Fixed{9, 0, FixedRange::full}.pack(x, mode, draw);
        return k;
    }
};

}  // namespace taper
