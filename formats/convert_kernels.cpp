// Array conversion: loops over the lane functions of the families, compiled once per CPU level.
#include <taper/formats/convert_avx2.h>
#include <taper/formats/convert_avx512.h>
#include <taper/formats/convert_kernels.h>
#include <taper/formats/e8m0.h>

namespace taper::TAPER_LEVEL {
namespace {

struct UsePosit {
    template <class Real>
    using EncodeLane = PositEncodeLane<Real>;
    template <class Real>
    using DecodeLane = PositDecodeLane<Real>;
    static const Posit& of(const KernelFamily& family) { return family.posit; }
};

struct UseMinifloat {
    template <class Real>
    using EncodeLane = MinifloatEncodeLane<Real>;
    template <class Real>
    using DecodeLane = MinifloatDecodeLane<Real>;
    static const Minifloat& of(const KernelFamily& family) { return family.minifloat; }
};

struct UseFixed {
    template <class Real>
    using EncodeLane = FixedEncodeLane<Real>;
    template <class Real>
    using DecodeLane = FixedDecodeLane<Real>;
    static const Fixed& of(const KernelFamily& family) { return family.fixed; }
};

struct UseE8M0 {
    template <class Real>
    using EncodeLane = E8M0EncodeLane;
    static E8M0 of(const KernelFamily&) { return {}; }
};

// In: type of the array; Real: type of a lane.
template <class Use, class In, class Real, Rounding mode, class Code>
void encode_array(const KernelFamily& family, const void* x, std::size_t n, void* codes) {
    const typename Use::template EncodeLane<Real> lane(Use::of(family), mode);
    const In* in = static_cast<const In*>(x);
    Code* out = static_cast<Code*>(codes);
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<Code>(lane.template encode<mode>(static_cast<Real>(in[i])));
}

template <class Use, class Out, class Real, class Code>
void decode_array(const KernelFamily& family, const void* codes, std::size_t n, void* y) {
    const typename Use::template DecodeLane<Real> lane(Use::of(family));
    const Code* in = static_cast<const Code*>(codes);
    Out* out = static_cast<Out*>(y);
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<Out>(lane.decode(in[i]));
}

template <class Out>
void decode_by_table(const KernelFamily& family, const void* codes, std::size_t n, void* y) {
    const float* table = family.table->value;
    const std::uint8_t* in = static_cast<const std::uint8_t*>(codes);
    Out* out = static_cast<Out*>(y);
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<Out>(table[in[i]]);
}

// To float64 by way of a kernel to float32, which holds the values.
[[maybe_unused]] void decode_widened(DecodeKernel to_float, const KernelFamily& family, const void* codes, std::size_t n, void* y) {
    constexpr std::size_t block = 512;
    alignas(64) float narrow[block];
    const std::uint8_t* const in = static_cast<const std::uint8_t*>(codes);
    double* const out = static_cast<double*>(y);
    for (std::size_t begin = 0; begin < n; begin += block) {
        const std::size_t count = n - begin < block ? n - begin : block;
        to_float(family, in + begin, count, narrow);
        for (std::size_t i = 0; i < count; ++i) out[begin + i] = static_cast<double>(narrow[i]);
    }
}

std::size_t count_nan(const float* x, std::size_t n) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < n; ++i) count += x[i] != x[i] ? 1 : 0;
    return count;
}

template <class Use, class In, class Real>
void fill_encode(EncodeKernel (&row)[2][3]) {
    row[0][0] = encode_array<Use, In, Real, Rounding::nearest, std::uint8_t>;
    row[0][1] = encode_array<Use, In, Real, Rounding::nearest, std::uint16_t>;
    row[0][2] = encode_array<Use, In, Real, Rounding::nearest, std::uint32_t>;
    row[1][0] = encode_array<Use, In, Real, Rounding::zero, std::uint8_t>;
    row[1][1] = encode_array<Use, In, Real, Rounding::zero, std::uint16_t>;
    row[1][2] = encode_array<Use, In, Real, Rounding::zero, std::uint32_t>;
}

template <class Use, class Out, class Real>
void fill_decode(DecodeKernel (&row)[3]) {
    row[0] = decode_array<Use, Out, Real, std::uint8_t>;
    row[1] = decode_array<Use, Out, Real, std::uint16_t>;
    row[2] = decode_array<Use, Out, Real, std::uint32_t>;
}

constexpr int at(KernelKind kind) { return static_cast<int>(kind); }

ConvertKernels make_kernels() {
    ConvertKernels k = {};
    fill_encode<UsePosit, float, float>(k.encode[at(KernelKind::posit_narrow)][0]);
    fill_encode<UsePosit, float, double>(k.encode[at(KernelKind::posit_wide)][0]);
    fill_encode<UsePosit, double, double>(k.encode[at(KernelKind::posit_wide)][1]);
    fill_encode<UseMinifloat, float, float>(k.encode[at(KernelKind::minifloat)][0]);
    fill_encode<UseMinifloat, double, double>(k.encode[at(KernelKind::minifloat)][1]);
    fill_encode<UseFixed, float, float>(k.encode[at(KernelKind::fixed)][0]);
    fill_encode<UseFixed, double, double>(k.encode[at(KernelKind::fixed)][1]);
    fill_encode<UseE8M0, float, double>(k.encode[at(KernelKind::e8m0)][0]);
    fill_encode<UseE8M0, double, double>(k.encode[at(KernelKind::e8m0)][1]);
    fill_decode<UsePosit, float, float>(k.decode[at(KernelKind::posit_narrow)][0]);
    fill_decode<UsePosit, double, float>(k.decode[at(KernelKind::posit_narrow)][1]);
    fill_decode<UsePosit, float, double>(k.decode[at(KernelKind::posit_wide)][0]);
    fill_decode<UsePosit, double, double>(k.decode[at(KernelKind::posit_wide)][1]);
    fill_decode<UseMinifloat, float, float>(k.decode[at(KernelKind::minifloat)][0]);
    fill_decode<UseMinifloat, double, float>(k.decode[at(KernelKind::minifloat)][1]);
    fill_decode<UseFixed, float, float>(k.decode[at(KernelKind::fixed)][0]);
    fill_decode<UseFixed, double, float>(k.decode[at(KernelKind::fixed)][1]);
    k.decode[at(KernelKind::table)][0][0] = decode_by_table<float>;
    k.decode[at(KernelKind::table)][1][0] = decode_by_table<double>;
#if defined(TAPER_LEVEL_avx2)
    k.decode[at(KernelKind::table)][0][0] = decode_by_shuffles;
    k.decode[at(KernelKind::table)][1][0] = [](const KernelFamily& f, const void* codes, std::size_t n, void* y) { decode_widened(decode_by_shuffles, f, codes, n, y); };
#elif defined(TAPER_LEVEL_avx512)
    if (__builtin_cpu_supports("avx512vbmi")) {
        k.decode[at(KernelKind::table)][0][0] = decode_by_permutes;
        k.decode[at(KernelKind::table)][1][0] = [](const KernelFamily& f, const void* codes, std::size_t n, void* y) { decode_widened(decode_by_permutes, f, codes, n, y); };
    }
    k.encode[at(KernelKind::posit_narrow)][0][0][0] = encode_posit_bytes<Rounding::nearest>;
    k.encode[at(KernelKind::posit_narrow)][0][1][0] = encode_posit_bytes<Rounding::zero>;
#endif
    k.count_nan = count_nan;
    return k;
}

}  // namespace

const ConvertKernels& convert_kernels() {
    static const ConvertKernels kernels = make_kernels();
    return kernels;
}

}  // namespace taper::TAPER_LEVEL
