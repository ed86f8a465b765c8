#include <taper/formats/convert.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include <taper/formats/code.h>
#include <taper/formats/error.h>
#include <taper/formats/philox.h>
#include <taper/formats/scaled_blocks.h>

namespace taper {
namespace {

const ConvertKernels& kernels() {
#if defined(TAPER_X86_LEVELS)
    switch (cpu_level()) {
        case CpuLevel::avx512: return avx512::convert_kernels();
        case CpuLevel::avx2: return avx2::convert_kernels();
        default: break;
    }
#endif
    return plain::convert_kernels();
}

// Which kernels serve a family, and its parameters; nothing where only the scalar functions do.
struct Choice {
    std::optional<KernelKind> encode_float, encode_double, decode;
    KernelFamily family;
};

Choice choose(const Posit& p) {
    Choice c;
    c.family.posit = p;
    c.encode_float = p.n <= 31 && p.top() <= 126 ? KernelKind::posit_narrow : KernelKind::posit_wide;
    c.encode_double = KernelKind::posit_wide;
    c.decode = p.significand_bits() <= 24 && p.top() <= 126 ? KernelKind::posit_narrow : KernelKind::posit_wide;
    return c;
}

Choice choose(const Minifloat& f) {
    Choice c;
    c.family.minifloat = f;
    c.encode_float = c.encode_double = KernelKind::minifloat;
    if (f.specials == Specials::ieee) c.decode = KernelKind::minifloat;
    return c;
}

Choice choose(const Fixed& f) {
    Choice c;
    c.family.fixed = f;
    c.encode_float = c.encode_double = c.decode = KernelKind::fixed;
    return c;
}

Choice choose(const E8M0&) {
    Choice c;
    c.encode_float = c.encode_double = KernelKind::e8m0;
    return c;
}

template <class Family>
Choice choose(const Family&) {
    return {};
}

Choice choose(const Format& format) {
    return visit(format, [](const auto& family) { return choose(family); });
}

int storage_index(const Format& format) {
    const int bytes = format.storage_bytes();
    return bytes == 1 ? 0 : bytes == 2 ? 1 : 2;
}

// A key that tells formats of at most 8 bits apart.
std::uint64_t table_key(const Format& format) {
    return visit(format, [&](const auto& family) {
        std::uint64_t key = 0;
        if constexpr (!std::is_empty_v<std::decay_t<decltype(family)>>) {
            static_assert(std::has_unique_object_representations_v<std::decay_t<decltype(family)>> && sizeof(family) <= 4);
            std::memcpy(&key, &family, sizeof(family));
        }
        return static_cast<std::uint64_t>(static_cast<std::uint16_t>(format.scale_exponent())) << 48 | key << 8 | format.family().index();
    });
}

// Built once per format and kept.
const ValueTable* value_table(const Format& format) {
    static std::mutex mutex;
    static std::map<std::uint64_t, std::unique_ptr<ValueTable>> tables;
    const std::lock_guard<std::mutex> lock(mutex);
    std::unique_ptr<ValueTable>& table = tables[table_key(format)];
    if (!table) {
        auto made = std::make_unique<ValueTable>();
        for (std::uint64_t code = 0; code < std::uint64_t{1} << format.bits(); ++code) {
            made->value[code] = static_cast<float>(decode_one(format, code));
            const std::uint32_t bits = bits_as<std::uint32_t>(made->value[code]);
            made->high[code] = static_cast<std::uint8_t>(bits >> 24);
            made->low[code] = static_cast<std::uint8_t>(bits >> 16);
        }
        made->mirrored = true;
        for (int code = 1; code < 128; ++code)
            made->mirrored &= made->low[256 - code] == made->low[code] && made->high[256 - code] == (made->high[code] ^ 0x80);
        table = std::move(made);
    }
    return table.get();
}

void store(void* codes, int bytes, std::size_t i, std::uint64_t code) {
    switch (bytes) {
        case 1: static_cast<std::uint8_t*>(codes)[i] = static_cast<std::uint8_t>(code); break;
        case 2: static_cast<std::uint16_t*>(codes)[i] = static_cast<std::uint16_t>(code); break;
        case 4: static_cast<std::uint32_t*>(codes)[i] = static_cast<std::uint32_t>(code); break;
        default: static_cast<std::uint64_t*>(codes)[i] = code;
    }
}

std::uint64_t load(const void* codes, int bytes, std::size_t i) {
    switch (bytes) {
        case 1: return static_cast<const std::uint8_t*>(codes)[i];
        case 2: return static_cast<const std::uint16_t*>(codes)[i];
        case 4: return static_cast<const std::uint32_t*>(codes)[i];
        default: return static_cast<const std::uint64_t*>(codes)[i];
    }
}

template <class Real>
std::size_t encode_scalar(const Format& format, const Real* x, std::size_t n, void* codes, Rounding mode, const Draws& draws) {
    const int bytes = format.storage_bytes();
    return visit(format, [&](const auto& family) {
        std::size_t lost = 0;
        Philox4 block = {};
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint64_t index = draws.first_index + i;
            if (mode == Rounding::stochastic && (i == 0 || index % 4 == 0)) block = philox(draws.seed, index / 4, draws.stream);
            lost += !family.has_nan() && x[i] != x[i] ? 1 : 0;
            const Unpacked exact = times_power_of_two(Float64{}.unpack(bits_as<std::uint64_t>(static_cast<double>(x[i]))), -format.scale_exponent());
            store(codes, bytes, i, family.pack(exact, mode, block.word[index % 4]));
        }
        return lost;
    });
}

template <class Real>
void decode_scalar(const Format& format, const void* codes, std::size_t n, Real* y) {
    const int bytes = format.storage_bytes();
    for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<Real>(decode_one(format, load(codes, bytes, i)));
}

std::size_t count_nan(const double* x, std::size_t n) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < n; ++i) count += x[i] != x[i] ? 1 : 0;
    return count;
}

template <class Real>
void decode_family(const Choice& choice, const Format& format, const void* codes, std::size_t n, Real* y) {
    kernels().decode[static_cast<int>(*choice.decode)][sizeof(Real) == 8][storage_index(format)](choice.family, codes, n, y);
}

// More than 8 bits: the element's values, then the scale.
template <class Real>
void decode_scaled(const Choice& choice, const Format& format, const void* codes, std::size_t n, Real* y) {
    const int k = format.scale_exponent();
    if (sizeof(Real) == 8 || (std::abs(k) <= 126 && format.element().exact_in_float32() && format.exact_in_float32())) {
        decode_family(choice, format, codes, n, y);
        return multiply(y, n, power_of_two<Real>(k));
    }
    double wide[scaled_block];
    for (std::size_t begin = 0; begin < n; begin += scaled_block) {
        const std::size_t count = std::min(scaled_block, n - begin);
        decode_family(choice, format, static_cast<const char*>(codes) + begin * static_cast<std::size_t>(format.storage_bytes()), count, wide);
        for (std::size_t i = 0; i < count; ++i) y[begin + i] = static_cast<Real>(wide[i] * power_of_two<double>(k));
    }
}

// Do the kernels' tables, of bfloat16's precision, hold the values of at most 8 bits?  Scales move those of few formats out of reach.
bool in_table(const Format& format) { return format.bits() <= 8 && (format.scaling() == Scaling::none || format.exact_in_bfloat16()); }

template <class Real>
void decode_any(const Format& format, const void* codes, std::size_t n, Real* y) {
    Choice choice = choose(format);
    if (in_table(format)) {
        choice.decode = KernelKind::table;
        choice.family.table = value_table(format);
        return decode_family(choice, format, codes, n, y);
    }
    if (!choice.decode) return decode_scalar(format, codes, n, y);
    if (format.scaling() != Scaling::none) return decode_scaled(choice, format, codes, n, y);
    decode_family(choice, format, codes, n, y);
}

EncodeKernel encode_kernel(KernelKind kind, bool from_double, Rounding mode, const Format& format) {
    return kernels().encode[static_cast<int>(kind)][from_double ? 1 : 0][mode == Rounding::zero ? 1 : 0][storage_index(format)];
}

}  // namespace

std::size_t encode(const Format& format, const float* x, std::size_t n, void* codes, const RoundingMode& mode) { return Encoder(format, mode)(x, n, codes, 0); }

std::size_t encode(const Format& format, const double* x, std::size_t n, void* codes, const RoundingMode& mode) {
    if (format == Format::float64()) {
        std::memcpy(codes, x, n * sizeof(double));
        return 0;
    }
    if (format == Format::float32() && mode.mode == Rounding::nearest) {
        float* out = static_cast<float*>(codes);
        for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>(x[i]);
        return 0;
    }
    const Choice choice = choose(format);
    if (mode.mode == Rounding::stochastic || !choice.encode_double) return encode_scalar(format, x, n, codes, mode.mode, mode.draws);
    const EncodeKernel kernel = encode_kernel(*choice.encode_double, true, mode.mode, format);
    if (format.scaling() != Scaling::none)
        encode_scaled<double>(choice.family, kernel, format, x, n, codes);
    else
        kernel(choice.family, x, n, codes);
    return format.has_nan() ? 0 : count_nan(x, n);
}

void decode(const Format& format, const void* codes, std::size_t n, float* y) {
    if (format == Format::float32()) {
        std::memcpy(y, codes, n * sizeof(float));
        return;
    }
    decode_any(format, codes, n, y);
}

void decode(const Format& format, const void* codes, std::size_t n, double* y) {
    if (format == Format::float64()) {
        std::memcpy(y, codes, n * sizeof(double));
        return;
    }
    if (format == Format::float32()) {
        const float* in = static_cast<const float*>(codes);
        for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<double>(in[i]);
        return;
    }
    decode_any(format, codes, n, y);
}

Decoder::Decoder(const Format& f) : format(f), run_(run_kernel) {
    if (!f.exact_in_float32()) throw Error("Decoder: float32 does not hold the values: " + f.name() + " (want a format with exact_in_float32())");
    if (f == Format::float32()) {
        run_ = [](const Decoder&, const void* codes, std::size_t n, float* y) { std::memcpy(y, codes, n * sizeof(float)); };
        return;
    }
    Choice choice = choose(f);
    if (f.bits() <= 8) table = value_table(f)->value;
    if (in_table(f)) {
        choice.decode = KernelKind::table;
        choice.family.table = value_table(f);
    } else if (f.scaling() != Scaling::none) {
        run_ = run_any;
        return;
    }
    family_ = choice.family;
    kernel_ = kernels().decode[static_cast<int>(choice.decode.value())][0][storage_index(f)];
}

void Decoder::run_any(const Decoder& decoder, const void* codes, std::size_t n, float* y) { decode_any(decoder.format, codes, n, y); }

void Decoder::run_kernel(const Decoder& decoder, const void* codes, std::size_t n, float* y) { decoder.kernel_(decoder.family_, codes, n, y); }

Encoder::Encoder(const Format& f, const RoundingMode& m) : format(f), mode(m), run_(run_kernel) {
    const Choice choice = choose(f);
    family_ = choice.family;
    counts_nan_ = !f.has_nan();
    if (f == Format::float32()) {
        run_ = [](const Encoder&, const float* x, std::size_t n, void* codes, std::uint64_t) {
            std::memcpy(codes, x, n * sizeof(float));
            return std::size_t{0};
        };
    } else if (f == Format::float64()) {
        run_ = [](const Encoder&, const float* x, std::size_t n, void* codes, std::uint64_t) {
            double* out = static_cast<double*>(codes);
            for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<double>(x[i]);
            return std::size_t{0};
        };
    } else if (m.mode == Rounding::stochastic || !choice.encode_float) {
        run_ = run_scalar;
    } else if (f.scaling() != Scaling::none) {
        run_ = run_scaled;
        in_float_ = scaled_in_float(f.element(), f.scale_exponent());
        kernel_ = encode_kernel(in_float_ ? *choice.encode_float : *choice.encode_double, !in_float_, m.mode, f);
    } else {
        kernel_ = encode_kernel(*choice.encode_float, false, m.mode, f);
    }
}

std::size_t Encoder::run_scaled(const Encoder& encoder, const float* x, std::size_t n, void* codes, std::uint64_t) {
    if (encoder.in_float_)
        encode_scaled<float>(encoder.family_, encoder.kernel_, encoder.format, x, n, codes);
    else
        encode_scaled<double>(encoder.family_, encoder.kernel_, encoder.format, x, n, codes);
    return encoder.counts_nan_ ? kernels().count_nan(x, n) : 0;
}

std::size_t Encoder::run_kernel(const Encoder& encoder, const float* x, std::size_t n, void* codes, std::uint64_t) {
    encoder.kernel_(encoder.family_, x, n, codes);
    return encoder.counts_nan_ ? kernels().count_nan(x, n) : 0;
}

std::size_t Encoder::run_scalar(const Encoder& encoder, const float* x, std::size_t n, void* codes, std::uint64_t first_index) {
    Draws draws = encoder.mode.draws;
    draws.first_index += first_index;
    return encode_scalar(encoder.format, x, n, codes, encoder.mode.mode, draws);
}

std::uint64_t encode_one(const Format& format, double x, Rounding mode, std::uint32_t draw) {
    return pack_code(format, Float64{}.unpack(bits_as<std::uint64_t>(x)), mode, draw);
}

double decode_one(const Format& format, std::uint64_t code) {
    return bits_as<double>(Float64{}.pack(unpack_code(format, code), Rounding::nearest, 0));
}

}  // namespace taper
