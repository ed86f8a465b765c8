// Divisor: division by a number that a kernel is given, by a product: Granlund and Montgomery, PLDI 1994.  Indices below 2^31 take three instructions,
// where a division takes some twenty.
#pragma once

#include <bit>
#include <cstdint>

#include <taper/formats/host_device.h>

namespace taper::cuda {

// d > 0.  With p = 31 + ceil(log2 d) and m = ceil(2^p / d) < 2^32: n / d = floor(n m / 2^p) for 0 <= n < 2^31.
class Divisor {
  public:
    Divisor() = default;
    Divisor(std::int64_t d) : d_(d) {  // NOLINT: implicit, so that sizes become divisors where they are stored
        if (d < 2 || d >= limit) return;
        shift_ = static_cast<std::uint32_t>(std::bit_width(static_cast<std::uint64_t>(d - 1))) - 1;
        factor_ = static_cast<std::uint32_t>(((std::uint64_t{1} << (shift_ + 32)) + static_cast<std::uint64_t>(d) - 1) / static_cast<std::uint64_t>(d));
    }
    TAPER_FN operator std::int64_t() const { return d_; }  // NOLINT: implicit

    // n >= 0
    TAPER_FN friend std::int64_t operator/(std::int64_t n, const Divisor& d) {
        if (n >= limit || d.factor_ == 0) return d.d_ == 1 ? n : n / d.d_;
        const std::uint64_t product = static_cast<std::uint64_t>(static_cast<std::uint32_t>(n)) * d.factor_;
        return static_cast<std::int64_t>(static_cast<std::uint32_t>(product >> 32) >> d.shift_);
    }
    TAPER_FN friend std::int64_t operator%(std::int64_t n, const Divisor& d) { return n - n / d * d.d_; }

  private:
    static constexpr std::int64_t limit = std::int64_t{1} << 31;
    std::int64_t d_ = 1;
    std::uint32_t factor_ = 0, shift_ = 0;  // factor 0: a true division
};

}  // namespace taper::cuda
