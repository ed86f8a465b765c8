// SerialSum: one sum of products formed term by term on exact numbers, in any accumulator: what the names of docs/accumulators.md mean,
// the path of formats and roundings that fast kernels lack, and what a trace of a dot product prints.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <taper/core/accumulator.h>
#include <taper/formats/exact_sum.h>
#include <taper/formats/philox.h>
#include <taper/formats/unpacked.h>

namespace taper {

// The draws of a stochastic accumulator: Philox4x32-10, key = draws.seed, counter words (output index, k, draws.stream, high word of the output
// index); words 0, 1, ... serve the roundings of one step in the order written, k = 2^32 - 1 the final rounding into the output.
// Stream + 1 serves r(bias), k = 2^32 - 1, and the outer roundings of chunks, k = number of the chunk.
struct StepDraws {
    static constexpr std::uint32_t last = 0xffffffff;
    std::uint64_t seed, stream, output;
    std::uint32_t k;
    std::uint32_t operator[](int rounding) const {
        const std::uint64_t low = (output & 0xffffffff) | std::uint64_t{k} << 32, high = (stream & 0xffffffff) | output >> 32 << 32;
        return philox(seed, low, high).word[rounding];
    }
};

// a and b of add(): values of two formats, as doubles, which hold those of every format.
// NaN or NaR in makes the sum NaN for good, also in formats that have no code for it.
class SerialSum {
  public:
    SerialSum(const Accumulator& accumulator, const Format& a, const Format& b, const Draws& draws = {});
    SerialSum(const SerialSum&) = delete;
    SerialSum& operator=(const SerialSum&) = delete;

    // A new sum: of output number `output` (for the draws), from `bias` on, which enters as r(bias) where the mode rounds per step.
    void start(std::uint64_t output, double bias = 0);
    void add(double a, double b);
    // Ends the sum (an open chunk is closed) and rounds it once into y: stochastically if the accumulator rounds so, else as `mode` says, with
    // the draw of element `output`.
    std::uint64_t finish(const Format& y, const RoundingMode& mode = {});

    bool is_nan() const;
    double sum() const;           // s as it is kept; the nearest double where the sum is exact
    std::string text() const;     // s exactly, as a C hex float of as many digits as it takes
    double compensation() const;  // e of a compensated sum
    // What the last term became before it met s, where that is rounded: m(a b) of rounded(F,P), y of a compensated sum.
    double added() const;
    const SerialSum* inner() const { return inner_.get(); }  // of chunks: p of the chunk that the last term belongs to

  private:
    Unpacked kept(const Unpacked& exact, const StepDraws& step, int rounding) const;
    void add_split(const Unpacked& a, const Unpacked& b, const StepDraws& step);
    void add_compensated(const Unpacked& a, const Unpacked& b, const StepDraws& step);
    void add_to_chunk(double a, double b);
    void close_chunk(std::uint32_t chunk);
    StepDraws draws(std::uint32_t k, std::uint64_t streams_on) const { return {draws_.seed, draws_.stream + streams_on, output_, k}; }

    Accumulator accumulator_;
    Draws draws_;
    ExactSum exact_;  // of Kind::exact; scratch of chunks whose inner sum is exact
    Unpacked sum_, compensation_, added_;
    std::unique_ptr<SerialSum> inner_;
    std::uint64_t output_ = 0;
    std::uint32_t k_ = 0;
    bool open_ = false;  // a chunk has begun
};

}  // namespace taper
