// Accumulator: how a sum of products is formed (docs/accumulators.md), as a run-time value with a name.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <taper/formats/format.h>
#include <taper/formats/rounding.h>

namespace taper {

// r: rounding into `format`.  Terms a b are taken with k ascending; s starts as 0, or as r(bias) where the mode rounds per step.
// A format must hold 0 and float64 its values; Rounding is nearest or stochastic.  Each factory throws Error on another.
class Accumulator {
  public:
    enum class Kind : std::uint8_t { float32, float64, exact, rounded, rounded_f32, chunked, compensated };

    Accumulator() = default;                                                                  // float32
    static Accumulator float32();                                                             // products and sums in float32, order unspecified but fixed
    static Accumulator float64();                                                             // the same in float64
    static Accumulator exact(Rounding rounding = Rounding::nearest);                          // one rounding at the end: a quire
    static Accumulator rounded(const Format& format, Rounding rounding = Rounding::nearest);  // s <- r(a b + s), of the exact a b + s
    static Accumulator rounded(const Format& format, const Format& product, Rounding rounding = Rounding::nearest);  // s <- r(s + m(a b)), m into `product`
    static Accumulator rounded_f32(const Format& format, Rounding rounding = Rounding::nearest);                     // s <- r(fma(a, b, s)), the fma in float32
    // p <- `inner` over `chunk` terms from 0 (the last chunk may be shorter), not rounded further; s <- r(s + p), r into `outer`.
    // In chunks float32 and float64 are fma with k ascending.  `inner` is no chunked one.
    static Accumulator chunked(std::int64_t chunk, const Accumulator& inner, const Format& outer, Rounding rounding = Rounding::nearest);
    static Accumulator compensated(const Format& format,
                                   Rounding rounding = Rounding::nearest);  // y <- r(a b - e); t <- r(s + y); e <- r(r(t - s) - y); s <- t

    // "float32", "exact", "rounded(posit(16,2))", "rounded(fp16,fp16)", "chunked(64,float32,fp16)", "rounded(bf16,stochastic)", ...; throws Error.
    static Accumulator parse(std::string_view text);
    std::string name() const;  // parses back to an equal value

    Kind kind() const { return kind_; }
    Rounding rounding() const { return rounding_; }   // of the steps; of the only one where the sum is exact
    const Format& format() const { return format_; }  // of s: all but float32, float64 and exact
    const std::optional<Format>& product() const { return product_; }
    std::int64_t chunk() const { return chunk_; }
    const Accumulator& inner() const { return *inner_; }  // of chunked
    bool draws() const;                                   // stochastic, or inner is
    bool in_float32() const;                              // forms products and sums in float32, inner too: the operands must fit it
    friend bool operator==(const Accumulator& a, const Accumulator& b);

  private:
    Accumulator(Kind kind, const Format& format, Rounding rounding);
    Kind kind_ = Kind::float32;
    Rounding rounding_ = Rounding::nearest;
    Format format_ = {};
    std::optional<Format> product_ = {};
    std::int64_t chunk_ = 0;
    std::shared_ptr<const Accumulator> inner_ = {};
};

}  // namespace taper
