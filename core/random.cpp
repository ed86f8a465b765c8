#include <taper/core/random.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/formats/error.h>
#include <taper/formats/philox.h>

namespace taper {
namespace {

Tensor random(const char* op, bool normal, double low, double high, const Shape& shape, const Format& format, const Device& device, Generator& generator) {
    if (format.is_index()) throw Error(fmt::format("{}: indices are not drawn: {} (want a format with arithmetic)", op, format.name()));
    Tensor result = Tensor::empty(shape, format, device);
    backend(device).random(result, normal, low, high, generator.seed(), generator.next_stream());
    return result;
}

// The words of one stream in order: word k is that of element k.
class Words {
  public:
    Words(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

    std::uint32_t next() {
        if (index_ % 4 == 0) block_ = philox(seed_, index_ / 4, stream_);
        return block_.word[index_++ % 4];
    }

    // Uniform on 0 .. n-1: the high word of next() * n, drawn again where the low word would favour some results.
    // Source: Lemire, "Fast random integer generation in an interval" (ACM TOMACS 2019).
    std::uint32_t below(std::uint32_t n) {
        const std::uint32_t unfair = (0u - n) % n;
        std::uint64_t product = std::uint64_t{next()} * n;
        while (static_cast<std::uint32_t>(product) < unfair) product = std::uint64_t{next()} * n;
        return static_cast<std::uint32_t>(product >> 32);
    }

  private:
    std::uint64_t seed_, stream_, index_ = 0;
    Philox4 block_ = {};
};

}  // namespace

Generator& default_generator() {
    static Generator generator;
    return generator;
}

void seed(std::uint64_t value) { default_generator().set(value, 0); }

Tensor randn(const Shape& shape, const Format& format, const Device& device, Generator& generator) {
    return random("randn", true, 0, 1, shape, format, device, generator);
}

Tensor uniform(const Shape& shape, double low, double high, const Format& format, const Device& device, Generator& generator) {
    if (!(low <= high) || !std::isfinite(high - low)) throw Error(fmt::format("uniform: no such interval: from {} to {} (want low <= high, both finite)", low, high));
    return random("uniform", false, low, high, shape, format, device, generator);
}

Tensor permutation(std::int64_t n, Generator& generator) {
    if (n < 0 || n > std::numeric_limits<std::int32_t>::max()) throw Error(fmt::format("permutation: no such length: {} (want 0 to 2^31 - 1)", n));
    std::vector<std::int32_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    Words words(generator.seed(), generator.next_stream());
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[words.below(static_cast<std::uint32_t>(i))]);
    return Tensor::from(std::span<const std::int32_t>(order), {n});
}

}  // namespace taper
