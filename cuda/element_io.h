// How kernels read and write elements: a format as plain data, one code decoded, one value rounded into a code.  All formats share one kernel:
// the family is a run-time branch that every thread of a kernel takes alike.
#pragma once

#include <cmath>
#include <cstdint>

#include <taper/core/backend.h>
#include <taper/core/cpu/code_facts.h>
#include <taper/core/tensor.h>
#include <taper/cuda/launch.h>
#include <taper/formats/format.h>
#include <taper/formats/philox.h>

namespace taper::cuda {

struct DeviceFormat {
    enum class Kind : std::uint8_t { float32, float64, int32, uint8, posit, minifloat, e8m0, fixed };
    Kind kind = Kind::float32;
    std::uint8_t bytes = 4;
    bool has_nan = true;
    int scale = 0;  // log2 of the constant scale
    Posit posit = {};
    Minifloat minifloat = {};
    Fixed fixed = {};
    const float* values = nullptr;  // of the 256 codes of a format of at most 8 bits, on the device

    TAPER_CALLED Unpacked unpack(std::uint64_t code) const {
        Unpacked x = element(code);
        x.exponent += scale;
        return x;
    }
    TAPER_CALLED std::uint64_t pack(Unpacked x, Rounding mode, std::uint32_t draw) const {
        x.exponent -= scale;
        switch (kind) {
            case Kind::float32: return Float32{}.pack(x, mode, draw);
            case Kind::float64: return Float64{}.pack(x, mode, draw);
            case Kind::int32: return Int32{}.pack(x, mode, draw);
            case Kind::uint8: return UInt8{}.pack(x, mode, draw);
            case Kind::posit: return posit.pack(x, mode, draw);
            case Kind::minifloat: return minifloat.pack(x, mode, draw);
            case Kind::e8m0: return E8M0{}.pack(x, mode, draw);
            default: return fixed.pack(x, mode, draw);
        }
    }

  private:
    TAPER_FN Unpacked element(std::uint64_t code) const {
        switch (kind) {
            case Kind::float32: return Float32{}.unpack(code);
            case Kind::float64: return Float64{}.unpack(code);
            case Kind::int32: return Int32{}.unpack(code);
            case Kind::uint8: return UInt8{}.unpack(code);
            case Kind::posit: return posit.unpack(code);
            case Kind::minifloat: return minifloat.unpack(code);
            case Kind::e8m0: return E8M0{}.unpack(code);
            default: return fixed.unpack(code);
        }
    }
};

DeviceFormat device_format(Runtime& runtime, const Format& format);  // value tables are kept per device and format

TAPER_FN std::uint64_t load_code(const void* codes, int bytes, std::int64_t i) {
    switch (bytes) {
        case 1: return static_cast<const std::uint8_t*>(codes)[i];
        case 2: return static_cast<const std::uint16_t*>(codes)[i];
        case 4: return static_cast<const std::uint32_t*>(codes)[i];
        default: return static_cast<const std::uint64_t*>(codes)[i];
    }
}
TAPER_FN void store_code(void* codes, int bytes, std::int64_t i, std::uint64_t code) {
    switch (bytes) {
        case 1: static_cast<std::uint8_t*>(codes)[i] = static_cast<std::uint8_t>(code); break;
        case 2: static_cast<std::uint16_t*>(codes)[i] = static_cast<std::uint16_t>(code); break;
        case 4: static_cast<std::uint32_t*>(codes)[i] = static_cast<std::uint32_t>(code); break;
        default: static_cast<std::uint64_t*>(codes)[i] = code;
    }
}

TAPER_FN float fused(float a, float b, float c) { return std::fma(a, b, c); }
TAPER_FN double fused(double a, double b, double c) { return std::fma(a, b, c); }

TAPER_CALLED double double_of(const Unpacked& x) { return bits_as<double>(Float64{}.pack(x, Rounding::nearest, 0)); }
TAPER_CALLED Unpacked unpacked_of(double x) { return Float64{}.unpack(bits_as<std::uint64_t>(x)); }

template <class T>
TAPER_FN T value_by_lane(const DeviceFormat& f, std::uint64_t code) {
    switch (f.kind) {
        case DeviceFormat::Kind::float32: return static_cast<T>(bits_as<float>(static_cast<std::uint32_t>(code)));
        case DeviceFormat::Kind::float64: return static_cast<T>(bits_as<double>(code));
        case DeviceFormat::Kind::int32: return static_cast<T>(static_cast<std::int32_t>(code));
        case DeviceFormat::Kind::posit: return PositDecodeLane<T>(f.posit).decode(static_cast<std::uint32_t>(code));
        case DeviceFormat::Kind::fixed: return FixedDecodeLane<T>(f.fixed).decode(static_cast<std::uint32_t>(code));
        default: return f.minifloat.specials == Specials::ieee ? MinifloatDecodeLane<T>(f.minifloat).decode(static_cast<std::uint32_t>(code))
                                                               : static_cast<T>(double_of(f.minifloat.unpack(code)));
    }
}
TAPER_CALLED double wide_value(const DeviceFormat& f, std::uint64_t code) { return value_by_lane<double>(f, code) * power_of_two<double>(f.scale); }
TAPER_CALLED float narrow_value(const DeviceFormat& f, std::uint64_t code) { return value_by_lane<float>(f, code); }

// The value of a code; NaR is a NaN.  T float: formats that float32 holds.
template <class T>
TAPER_FN T value_of(const DeviceFormat& f, std::uint64_t code) {
    if (f.values != nullptr) return static_cast<T>(f.values[code]);
    if (f.kind == DeviceFormat::Kind::float32) return static_cast<T>(bits_as<float>(static_cast<std::uint32_t>(code)));
    if (sizeof(T) == 8 || f.scale != 0) return static_cast<T>(wide_value(f, code));
    return narrow_value(f, code);
}

struct DeviceMode {
    Rounding mode = Rounding::nearest;
    std::uint64_t seed = 0, stream = 0, first_index = 0;
    DeviceMode() = default;
    DeviceMode(const RoundingMode& m) : mode(m.mode), seed(m.draws.seed), stream(m.draws.stream), first_index(m.draws.first_index) {}  // NOLINT: implicit on purpose
    TAPER_CALLED std::uint32_t draw(std::int64_t i) const { return philox_draw(seed, stream, first_index + static_cast<std::uint64_t>(i)); }
};

template <Rounding mode, class T>
TAPER_FN std::uint64_t code_by_lane(const DeviceFormat& f, T x) {
    switch (f.kind) {
        case DeviceFormat::Kind::posit:
            if constexpr (sizeof(T) == 4) {
                if (f.posit.n > 31 || f.posit.top() > 126) return PositEncodeLane<double>(f.posit, mode).template encode<mode>(static_cast<double>(x));
            }
            return PositEncodeLane<T>(f.posit, mode).template encode<mode>(x);
        case DeviceFormat::Kind::minifloat: return MinifloatEncodeLane<T>(f.minifloat, mode).template encode<mode>(x);
        case DeviceFormat::Kind::fixed: return FixedEncodeLane<T>(f.fixed, mode).template encode<mode>(x);
        default: return f.pack(unpacked_of(static_cast<double>(x)), mode, 0);
    }
}

TAPER_CALLED std::uint64_t wide_code(const DeviceFormat& f, double x, Rounding mode) {
    return mode == Rounding::zero ? code_by_lane<Rounding::zero>(f, x) : code_by_lane<Rounding::nearest>(f, x);
}

// x rounded once, with the draw of element i.
template <class T>
TAPER_FN std::uint64_t code_of(const DeviceFormat& f, T x, const DeviceMode& m, std::int64_t i) {
    if (m.mode == Rounding::stochastic || f.scale != 0)
        return f.pack(unpacked_of(static_cast<double>(x)), m.mode, m.mode == Rounding::stochastic ? m.draw(i) : 0);
    if (f.kind == DeviceFormat::Kind::float64) return bits_as<std::uint64_t>(static_cast<double>(x));
    if (f.kind == DeviceFormat::Kind::float32 && m.mode == Rounding::nearest) return bits_as<std::uint32_t>(static_cast<float>(x));
    if (sizeof(T) == 8 || m.mode == Rounding::zero) return wide_code(f, static_cast<double>(x), m.mode);
    return code_by_lane<Rounding::nearest>(f, x);
}

// A tensor as kernels read it.
struct Input {
    DeviceFormat format;
    const void* codes = nullptr;
    Input() = default;
    Input(Runtime& runtime, const Tensor& x) : format(device_format(runtime, x.format())), codes(x.data()) {}
    TAPER_FN std::uint64_t code(std::int64_t i) const { return load_code(codes, format.bytes, i); }
    template <class T>
    TAPER_FN T at(std::int64_t i) const {
        return value_of<T>(format, code(i));
    }
    TAPER_FN Unpacked exact(std::int64_t i) const { return format.unpack(code(i)); }
};

TAPER_FN void count_nan(unsigned long long* count) {
#if defined(__CUDA_ARCH__)
    atomicAdd(count, 1ull);
#else
    ++*count;
#endif
}

// A tensor as kernels write it; counts NaN that have no code.
struct Result {
    DeviceFormat format;
    void* codes = nullptr;
    DeviceMode mode;
    unsigned long long* nan_count = nullptr;
    CodeRange cleared = {};  // these codes become 0: the negative ones of a ReLU
    Result() = default;
    Result(Runtime& runtime, Tensor& y, const RoundingMode& m)
        : format(device_format(runtime, y.format())), codes(y.mutable_data()), mode(m), nan_count(runtime.nan_count()) {}
    Result(Runtime& runtime, Tensor& y, const Epilogue& e) : Result(runtime, y, static_cast<const RoundingMode&>(e)) {
        if (e.relu && code_facts(y.format()).ranges) cleared = code_facts(y.format()).negative;
    }

    TAPER_FN void put_code(std::int64_t i, std::uint64_t code) const { store_code(codes, format.bytes, i, kept(code)); }
    template <class T>
    TAPER_FN void put(std::int64_t i, T x) const {
        lose(x != x);
        store_code(codes, format.bytes, i, code(i, x));
    }
    TAPER_FN void put(std::int64_t i, const Unpacked& x) const {
        lose(x.kind == Kind::nan);
        put_code(i, format.pack(x, mode.mode, mode.mode == Rounding::stochastic ? mode.draw(i) : 0));
    }
    template <class T>
    TAPER_FN std::uint64_t code(std::int64_t i, T x) const {  // what put(i, x) stores
        return kept(code_of(format, x, mode, i));
    }
    TAPER_FN std::uint64_t kept(std::uint64_t code) const { return static_cast<std::uint32_t>(code) - cleared.first < cleared.count ? 0 : code; }
    TAPER_FN void lose(bool nan) const {
        if (nan && !format.has_nan) count_nan(nan_count);
    }
};

}  // namespace taper::cuda
