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

// Values made in float64, then rounded to nearest into the format.
Tensor randn(const Shape& shape, const Format& format = {}, const Device& device = {}, Generator& generator = default_generator());  // N(0, 1), Box-Muller
Tensor uniform(const Shape& shape, double low, double high, const Format& format = {}, const Device& device = {}, Generator& generator = default_generator());
// A permutation of 0 .. n-1 (Fisher-Yates), int32, shape [n].
Tensor permutation(std::int64_t n, Generator& generator = default_generator());

}  // namespace taper
