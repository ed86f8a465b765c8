// The loops of tiles and dot products (product_kernels.h), written once over the registers of a level.
#pragma once

#include <cstdint>

#include <taper/core/cpu/product_kernels.h>

namespace taper {

// Registers, a type of an anonymous namespace so that each level has loops of its own:
//   Operand, Sum                  vector registers of elements and of float sums
//   lanes                         sums of a register;  step: elements of an Operand that dot() loads
//   load(x), broadcast(x)         an Operand from the elements at x; from the one element at x
//   multiply_add(a, b, sum), load_sums(c), store_sums(c, sum), sum_of(sum)
template <class Registers, int rows, int vectors, class Element>
void product_tile(const Tile<Element>& t) {
    using Sum = typename Registers::Sum;
    using Operand = typename Registers::Operand;
    constexpr int lanes = Registers::lanes;
    Sum sum[rows][vectors];
#pragma GCC unroll 14
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) sum[i][v] = Sum{};
    }
    const Element* a = t.a;
    const Element* const b = t.b;
    const std::int64_t* const offset = t.offset;
    const std::int64_t depth = t.depth, a_stride = t.a_stride;
    for (std::int64_t k = 0; k < depth; ++k, a += a_stride) {
        Operand row[vectors];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) row[v] = Registers::load(b + offset[k] + v * lanes);
#pragma GCC unroll 14
        for (int i = 0; i < rows; ++i) {
            const Operand factor = Registers::broadcast(a + i);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; ++v) sum[i][v] = Registers::multiply_add(factor, row[v], sum[i][v]);
        }
    }
    float* c = t.c;
    const std::int64_t c_stride = t.c_stride;
    const bool add = t.add;
#pragma GCC unroll 14
    for (int i = 0; i < rows; ++i, c += c_stride) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) Registers::store_sums(c + v * lanes, add ? sum[i][v] + Registers::load_sums(c + v * lanes) : sum[i][v]);
    }
}

template <class Registers, int rows, int columns, class Element>
void product_dot(const DotTile<Element>& t) {
    using Sum = typename Registers::Sum;
    using Operand = typename Registers::Operand;
    Sum sum[rows][columns];
#pragma GCC unroll 5
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 5
        for (int j = 0; j < columns; ++j) sum[i][j] = Sum{};
    }
    const std::int64_t length = t.length, a_stride = t.a_stride;
    for (std::int64_t n = 0; n < t.runs; ++n) {
        const Element* const a = t.a + n * t.a_step;
        const Element* b[columns];
#pragma GCC unroll 5
        for (int j = 0; j < columns; ++j) b[j] = t.b + n * t.b_step + t.offset[j];
        for (std::int64_t q = 0; q < length; q += Registers::step) {
            Operand run[columns];
#pragma GCC unroll 5
            for (int j = 0; j < columns; ++j) run[j] = Registers::load(b[j] + q);
#pragma GCC unroll 5
            for (int i = 0; i < rows; ++i) {
                const Operand factor = Registers::load(a + i * a_stride + q);
#pragma GCC unroll 5
                for (int j = 0; j < columns; ++j) sum[i][j] = Registers::multiply_add(factor, run[j], sum[i][j]);
            }
        }
    }
#pragma GCC unroll 5
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 5
        for (int j = 0; j < columns; ++j) t.c[i * columns + j] += Registers::sum_of(sum[i][j]);
    }
}

}  // namespace taper
