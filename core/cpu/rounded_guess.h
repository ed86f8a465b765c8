// The loop over a tile of sums, and the steps of posits that guess where their sums lie; for rounded_kernels.cpp alone.
#pragma once

#include <taper/core/cpu/rounded_kernels.h>
#include <taper/core/cpu/rounded_odd.h>

namespace taper::TAPER_LEVEL {
namespace {

template <class Real>
using VectorFor = typename VectorOf<Real>::Type;

// step(a, b, s, e) of one term and rows x vectors sums side by side, whose instructions the compiler interleaves.
template <bool with_other, int rows, int vectors, class Real, class Step>
TAPER_FN void apply(const Real* a, const Real* b, Real* sums, Real* others, Step& step) {
    using V = VectorFor<Real>;
    constexpr int lanes = LaneOps<V>::lanes, count = rows * vectors;
    V s[count], e[count] = {};
#pragma GCC unroll 4
    for (int n = 0; n < count; ++n) {
        s[n] = load_vector(sums + n * lanes);
        if constexpr (with_other) e[n] = load_vector(others + n * lanes);
    }
#pragma GCC unroll 4
    for (int n = 0; n < count; ++n) step(broadcast(a[n / vectors]), load_vector(b + n % vectors * lanes), s[n], e[n]);
#pragma GCC unroll 4
    for (int n = 0; n < count; ++n) {
        store_vector(sums + n * lanes, s[n]);
        if constexpr (with_other) store_vector(others + n * lanes, e[n]);
    }
}

template <bool with_other, int vectors, class Real, class Step>
TAPER_FN void for_terms_of(const RoundTile<Real>& tile, Step& step) {
    constexpr int rows_at_once = 4 / vectors;
    constexpr std::int64_t columns = vectors * LaneOps<VectorFor<Real>>::lanes;
    const std::int64_t terms = tile.terms, rows = tile.rows;
    const Real* __restrict a = tile.left;
    const Real* __restrict b = tile.right;
    Real* const __restrict sums = tile.sum;
    Real* const __restrict others = tile.other;
    for (std::int64_t k = 0; k < terms; ++k, a += rows, b += columns) {
        std::int64_t i = 0;
        for (; i + rows_at_once <= rows; i += rows_at_once) apply<with_other, rows_at_once, vectors>(a + i, b, sums + i * columns, others + i * columns, step);
        if constexpr (rows_at_once > 1) {
            for (; i < rows; ++i) apply<with_other, 1, vectors>(a + i, b, sums + i * columns, others + i * columns, step);
        }
    }
}

// step(a, b, s, e) of every term and sum of the tile.
template <bool with_other, class Real, class Step>
TAPER_FN void for_terms(const RoundTile<Real>& tile, Step& step) {
    if (tile.vectors == 4) return for_terms_of<with_other, 4>(tile, step);
    if (tile.vectors == 2) return for_terms_of<with_other, 2>(tile, step);
    for_terms_of<with_other, 1>(tile, step);
}

// Where a posit has fraction bits it is locally a minifloat: MinifloatRound's addition of c, with the digits that the regime of x leaves.
// FindUnits::magic(e) is c less the exponent e of x; it notes whether a regime without fraction bits was met.
template <bool once, class FindUnits>
bool guess(const LaneRound<float>& parameters, const RoundTile<float>& tile) {
    FindUnits units(parameters.posit);
    auto step = [&units](FloatVector a, FloatVector b, FloatVector& s, FloatVector&) {
        const FloatVector x = once ? odd_fused(a, b, s) : fused(a, b, s);
        const FloatBits e = bits_as<FloatBits>(x) & LaneMasks<float>::infinity;
        const FloatVector c = bits_as<FloatVector>(e + units.magic(e));
        s = (x + c) - c;
    };
    for_terms<false>(tile, step);
    return units.all_had_fraction_bits();
}

constexpr std::uint32_t magic_of_no_digits = 23u << 23 | 0x400000u;

// `lacking`, the fraction bits that are missing less one, is a large number where none is; a zero's is larger than any other sum's.
class ComputedUnits {
  public:
    TAPER_FN explicit ComputedUnits(const PositRound<float>& r)
        : shift_(r.regime_shift), digits_(static_cast<std::uint32_t>(r.fraction_bits)), zero_lacks_(((LaneMasks<float>::one - 1) >> shift_) - digits_) {}

    TAPER_FN FloatBits magic(FloatBits e) {
        const FloatBits t = e - LaneMasks<float>::one;
        const FloatBits lacking = ((t ^ LaneOps<FloatVector>::all_ones_if_negative(t)) >> (FloatBits{} + shift_)) - digits_;
        fewest_ = lacking < fewest_ ? lacking : fewest_;
        return (lacking << 23) + magic_of_no_digits;
    }
    TAPER_FN bool all_had_fraction_bits() const {
        std::uint32_t worst = ~0u;
        for (int i = 0; i < LaneOps<FloatVector>::lanes; ++i) worst = fewest_[i] < worst ? fewest_[i] : worst;
        return worst >= zero_lacks_;
    }

  private:
    std::uint32_t shift_, digits_, zero_lacks_;
    FloatBits fewest_ = ~FloatBits{};
};

#if defined(TAPER_LEVEL_avx512)
// Looks the regime up modulo 32; those without fraction bits have the sign bit.  A zero finds one that has some.
class ListedUnits {
  public:
    TAPER_FN explicit ListedUnits(const PositRound<float>& r) : shift_(r.regime_shift), align_(((1u << (shift_ - 23)) - 127u % (1u << (shift_ - 23))) << 23) {
        alignas(64) std::uint32_t list[32];
        for (int k = -16; k < 16; ++k) {
            const std::uint32_t e = static_cast<std::uint32_t>(127 + k * (1 << (shift_ - 23))) << 23, sh = static_cast<std::uint32_t>(k < 0 ? -k - 1 : k);
            const bool none = static_cast<int>(sh) >= r.fraction_bits;
            list[((e + align_) >> shift_) & 31] = none ? 0x80000000u : ((sh - static_cast<std::uint32_t>(r.fraction_bits)) << 23) + magic_of_no_digits;
        }
        low_ = _mm512_load_si512(list);
        high_ = _mm512_load_si512(list + 16);
    }
    TAPER_FN FloatBits magic(FloatBits e) {
        const FloatBits regime = (e + align_) >> (FloatBits{} + shift_);
        const FloatBits found = bits_as<FloatBits>(_mm512_permutex2var_epi32(low_, bits_as<__m512i>(regime), high_));
        met_ |= found;
        return found;
    }
    TAPER_FN bool all_had_fraction_bits() const { return _mm512_movepi32_mask(bits_as<__m512i>(met_)) == 0; }

  private:
    std::uint32_t shift_, align_;
    __m512i low_, high_;
    FloatBits met_ = {};
};
#else
using ListedUnits = ComputedUnits;
#endif

}  // namespace
}  // namespace taper::TAPER_LEVEL
