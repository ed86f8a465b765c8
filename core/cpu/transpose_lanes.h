// Transposing a square of vector registers, for kernels that pack panels.  Included by *_kernels.cpp alone: all it defines is local to a level.
#pragma once

#include <utility>

namespace taper::TAPER_LEVEL {
namespace {

template <int span, class Vector, int... lane>
inline void exchange_blocks(Vector& a, Vector& b, std::integer_sequence<int, lane...>) {
    constexpr int lanes = sizeof...(lane);
    const Vector low = __builtin_shufflevector(a, b, ((lane & span) == 0 ? lane : lanes + lane - span)...);
    b = __builtin_shufflevector(a, b, ((lane & span) == 0 ? lane + span : lanes + lane)...);
    a = low;
}

// v[i][l] and v[l][i] change places: log2(lanes) rounds, each of which exchanges blocks between rows `span` apart.
template <int span = 1, class Vector, int lanes>
inline void transpose_square(Vector (&v)[lanes]) {
    if constexpr (span < lanes) {
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) {
            if ((i & span) == 0) exchange_blocks<span>(v[i], v[i + span], std::make_integer_sequence<int, lanes>{});
        }
        transpose_square<2 * span>(v);
    }
}

}  // namespace
}  // namespace taper::TAPER_LEVEL
