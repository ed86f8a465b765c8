// Random numbers: Philox keyed by (seed, stream, element index); a stream number is drawn once per call from the generator's own counter.
#pragma once

#include <cstdint>

#include <taper/core/tensor.h>

namespace taper {

class Generator {
  public:
    explicit Generator(std::uint64_t seed = 0) : seed_(seed) {}
    std::uint64_t seed() const { return seed_; }
    std::uint64_t stream() const { return stream_; }  // the next one to be drawn; checkpoints keep it
    std::uint64_t next_stream() { return stream_++; }
    void set(std::uint64_t seed, std::uint64_t stream) { seed_ = seed, stream_ = stream; }

  private:
    std::uint64_t seed_, stream_ = 0;
};

// The generator that calls without one draw from; one per process, not for concurrent use.
Generator& default_generator();
void seed(std::uint64_t value);  // default_generator().set(value, 0)

// Values made in float64, then rounded to nearest into the format; they do not depend on the number of threads.  Elements 2p and 2p + 1
// share Philox block (p, stream): u and v are the top 53 bits of its words 1:0 and 3:2, times 2^-53.  Throw Error for an index format.
//   randn:  sqrt(-2 ln(u + 2^-53)) cos(2 pi v), and the same with sin        uniform:  low + (high - low) u, and the same with v
Tensor randn(const Shape& shape, const Format& format = {}, const Device& device = default_device(), Generator& generator = default_generator());  // N(0, 1), Box-Muller
// In [low, high) before the rounding.  Throws Error unless low <= high and both are finite.
Tensor uniform(const Shape& shape, double low, double high, const Format& format = {}, const Device& device = default_device(), Generator& generator = default_generator());
// A permutation of 0 .. n-1, int32, shape [n], each equally likely (Fisher-Yates, swapping i = n-1 .. 1 with an unbiased draw from 0 .. i).
Tensor permutation(std::int64_t n, Generator& generator = default_generator());

}  // namespace taper
