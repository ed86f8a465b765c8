// Accumulator: how a sum of products is formed (docs/accumulators.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace taper {

class Accumulator {
  public:
    enum class Kind : std::uint8_t { float32, exact };

    Accumulator() = default;  // float32
    static Accumulator float32() { return {}; }                     // products and sums in float32, order unspecified but fixed
    static Accumulator exact() { return Accumulator(Kind::exact); }  // exact sum of exact products, one rounding at the end

    static Accumulator parse(std::string_view text);  // "float32", "exact"; throws Error
    std::string name() const;
    Kind kind() const { return kind_; }
    friend bool operator==(const Accumulator&, const Accumulator&) = default;

  private:
    explicit Accumulator(Kind kind) : kind_(kind) {}
    Kind kind_ = Kind::float32;
};

}  // namespace taper
