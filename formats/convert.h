// Arrays between host floats and codes, vectorised for the level of this machine (cpu_level.h).
// A code takes format.storage_bytes(): 1, 2, 4 or 8 bytes, right-aligned, upper bits zero.
#pragma once

#include <cstddef>
#include <cstdint>

#include <taper/formats/convert_kernels.h>
#include <taper/formats/format.h>
#include <taper/formats/rounding.h>

namespace taper {

// codes[i] = round(x[i]), i in [0, n).  Returns how many x were NaN without a code for it (they become 0).
std::size_t encode(const Format& format, const float* x, std::size_t n, void* codes, const RoundingMode& mode = {});
std::size_t encode(const Format& format, const double* x, std::size_t n, void* codes, const RoundingMode& mode = {});

// y[i] = value of codes[i]; NaR and NaN become a quiet NaN.  To float: nearest, overflow to infinity where float32 is too narrow.
void decode(const Format& format, const void* codes, std::size_t n, float* y);
void decode(const Format& format, const void* codes, std::size_t n, double* y);

// The decoder of one format with its dispatch done, for inner loops (packing of GEMM panels): decoder(codes, n, y).
// Valid for formats with exact_in_float32(); throws Error on another.
class Decoder {
  public:
    explicit Decoder(const Format& format);
    void operator()(const void* codes, std::size_t n, float* y) const { run_(*this, codes, n, y); }
    Format format;
    const float* table = nullptr;  // values of the 256 codes where bits <= 8; lives as long as the program

  private:
    static void run_kernel(const Decoder& decoder, const void* codes, std::size_t n, float* y);
    static void run_any(const Decoder& decoder, const void* codes, std::size_t n, float* y);
    void (*run_)(const Decoder&, const void*, std::size_t, float*);
    KernelFamily family_;
    DecodeKernel kernel_ = nullptr;
};

// The encoder of one format and rounding mode with its dispatch done, for epilogues: encoder(x, n, codes, first_index).
// first_index: index of x[0] for the draws, added to mode.draws.first_index.
class Encoder {
  public:
    Encoder(const Format& format, const RoundingMode& mode);
    // Returns how many NaN had no code.
    std::size_t operator()(const float* x, std::size_t n, void* codes, std::uint64_t first_index) const { return run_(*this, x, n, codes, first_index); }
    Format format;
    RoundingMode mode;

  private:
    static std::size_t run_kernel(const Encoder& encoder, const float* x, std::size_t n, void* codes, std::uint64_t first_index);
    static std::size_t run_scaled(const Encoder& encoder, const float* x, std::size_t n, void* codes, std::uint64_t first_index);
    static std::size_t run_scalar(const Encoder& encoder, const float* x, std::size_t n, void* codes, std::uint64_t first_index);
    std::size_t (*run_)(const Encoder&, const float*, std::size_t, void*, std::uint64_t);
    KernelFamily family_;
    EncodeKernel kernel_ = nullptr;
    bool counts_nan_ = false, in_float_ = false;  // in_float_: of a scaled format
};

// One code to and from exact values, any format.  `draw` is used by stochastic rounding alone.
std::uint64_t encode_one(const Format& format, double x, Rounding mode = Rounding::nearest, std::uint32_t draw = 0);
double decode_one(const Format& format, std::uint64_t code);

}  // namespace taper
