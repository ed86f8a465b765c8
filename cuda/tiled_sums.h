// TiledSums: tiles of 128 x 128 outputs, 8 x 8 sums a thread in registers, terms in blocks of 16 through shared memory, k ascending.
// Tiles of 64 x 64 and 4 x 4 sums a thread where a sum takes more than 8 bytes: 64 of those would take most of the 255 registers that a thread can have.
#pragma once

#include <taper/cuda/sum_problem.h>

namespace taper::cuda {

// An output and a term of its sum.
struct StepPlace {
    std::int64_t output, k;
};

// Steps: void add(Sum&, Value a, Value b), and finished(Sum), what is rounded into y: a float, a double or an Unpacked; is_long: too much code for 64 copies.
// Placed steps, which may draw: void add(Sum&, Value a, Value b, StepPlace), Sum first(double bias, StepPlace), void put(Result, Sum, StepPlace).
// Steps in chunks: bool chunk_ends(k, terms) after term k, and then void close(Sum&), or close(Sum&, StepPlace).
template <class Value, class Sum, class Steps>
struct TiledSums {
    static constexpr int threads = 256, side = sizeof(Sum) <= 8 ? 8 : 4, across = 16, tile = across * side, depth = 16;
    static constexpr bool placed = requires(const Steps& steps, Sum& sum, Value v, StepPlace at) { steps.add(sum, v, v, at); };
    static constexpr bool chunks = requires(const Steps& steps) { steps.chunk_ends(0, 0); };
    struct Terms {
        Value left[depth][tile], right[depth][tile];
    };
    union Shared {
        Terms terms;
        Sum row[threads][side];  // of each thread's sums, at the end
    };
    struct State {
        Sum sum[side][side];
    };

    DeviceSums<Value> shape;
    Steps steps;
    const Sum* bias;  // of each row or column, or null; placed steps take the shape's own
    Result y;

    std::int64_t blocks() const { return shape.batch * tiles(shape.rows) * tiles(shape.columns); }
    TAPER_FN static std::int64_t tiles(std::int64_t n) { return (n + tile - 1) / tile; }
    TAPER_FN std::int64_t depths() const { return (shape.terms + depth - 1) / depth; }
    TAPER_FN int phases(std::int64_t) const { return static_cast<int>(2 * depths()) + 2; }

    // Phase 0 starts the sums; then a load and a computation in turn; the last rounds.
    TAPER_FN void phase(int phase, std::int64_t block, int thread, Shared& shared, State& state) const {
        const std::int64_t across_tiles = tiles(shape.columns), down_tiles = tiles(shape.rows);
        const Tile at{block / across_tiles / down_tiles, block / across_tiles % down_tiles * tile, block % across_tiles * tile};
        const std::int64_t k0 = static_cast<std::int64_t>((phase - 1) / 2) * depth;
        const bool last = phase == phases(block) - 1;
        if (phase % 2 == 1 && !last) return load(at, k0, thread, shared);
        if (!inside(at, row(thread), column(thread))) return;
        if (phase == 0) return start(at, thread, state);
        if (last) return finish(at, thread, shared, state);
        compute(at, k0, thread, shared, state);
    }

  private:
    // The first output of a block; a thread's sums begin at (row(thread), column(thread)) of it.
    struct Tile {
        std::int64_t entry, i0, j0;
    };
    TAPER_FN static int row(int thread) { return thread / across * side; }
    TAPER_FN static int column(int thread) { return thread % across * side; }
    TAPER_FN bool inside(const Tile& at, int i, int j) const { return at.i0 + i < shape.rows && at.j0 + j < shape.columns; }
    // Of a sum beyond the last row or column: some other's.
    TAPER_FN std::int64_t output(const Tile& at, int i, int j) const {
        const std::int64_t y = at.i0 + i, x = at.j0 + j;
        return shape.output(at.entry, y < shape.rows ? y : shape.rows - 1, x < shape.columns ? x : shape.columns - 1);
    }

    // body(a, the sums of row a of a thread).  Registers have no index: loops over them are unrolled.  Of long steps there is code for one row, and the rows
    // move to its registers in turn.
    template <class Body>
    TAPER_FN static void each_row(State& state, const Body& body) {
        if constexpr (Steps::is_long) {
            TAPER_NO_UNROLL
            for (int a = 0; a < side; ++a) {
                body(a, state.sum[0]);
                TAPER_UNROLL
                for (int b = 0; b < side; ++b) {
                    const Sum first = state.sum[0][b];
                    TAPER_UNROLL
                    for (int r = 1; r < side; ++r) state.sum[r - 1][b] = state.sum[r][b];
                    state.sum[side - 1][b] = first;
                }
            }
        } else {
            TAPER_UNROLL
            for (int a = 0; a < side; ++a) body(a, state.sum[a]);
        }
    }

    TAPER_FN void start(const Tile& at, int thread, State& state) const {
        each_row(state, [&](int a, Sum* sums) {
            const int i = row(thread) + a;
            TAPER_UNROLL
            for (int b = 0; b < side; ++b) {
                const int j = column(thread) + b;
                sums[b] = Sum{};
                if constexpr (placed) {
                    if (shape.has_bias() && inside(at, i, j))
                        sums[b] = steps.first(double_of(shape.bias.exact(shape.bias_at(at.entry, at.i0 + i, at.j0 + j))), {output(at, i, j), 0});
                } else {
                    if (bias != nullptr && inside(at, i, j)) sums[b] = bias[shape.bias_at(at.entry, at.i0 + i, at.j0 + j)];
                }
            }
        });
    }
    TAPER_FN void load(const Tile& at, std::int64_t k0, int thread, Shared& shared) const {
        const SumBase& base = shape.bases[at.entry];
        for (int element = thread; element < depth * tile; element += threads) {
            const int line = element % tile, k = element / tile;
            const bool term = k0 + k < shape.terms;
            shared.terms.left[k][line] = term && at.i0 + line < shape.rows ? shape.left.at(base.left, at.i0 + line, k0 + k) : Value(0);
            shared.terms.right[k][line] = term && at.j0 + line < shape.columns ? shape.right.at(base.right, at.j0 + line, k0 + k) : Value(0);
        }
    }
    TAPER_FN void compute([[maybe_unused]] const Tile& at, std::int64_t k0, int thread, const Shared& shared, State& state) const {
        const int count = static_cast<int>(shape.terms - k0 < depth ? shape.terms - k0 : depth);
        for (int k = 0; k < count; ++k) {
            const Value* const left = &shared.terms.left[k][row(thread)];
            Value right[side];
            TAPER_UNROLL
            for (int b = 0; b < side; ++b) right[b] = shared.terms.right[k][column(thread) + b];
            each_row(state, [&](int a, Sum* sums) {
                TAPER_UNROLL
                for (int b = 0; b < side; ++b) {
                    if constexpr (placed)
                        steps.add(sums[b], left[a], right[b], {output(at, row(thread) + a, column(thread) + b), k0 + k});
                    else
                        steps.add(sums[b], left[a], right[b]);
                }
            });
            if constexpr (chunks) {
                if (steps.chunk_ends(k0 + k, shape.terms)) close(at, k0 + k, thread, state);
            }
        }
    }
    TAPER_FN void close([[maybe_unused]] const Tile& at, [[maybe_unused]] std::int64_t k, [[maybe_unused]] int thread, State& state) const {
        each_row(state, [&](int a, Sum* sums) {
            TAPER_UNROLL
            for (int b = 0; b < side; ++b) {
                if constexpr (placed)
                    steps.close(sums[b], {output(at, row(thread) + a, column(thread) + b), k});
                else
                    steps.close(sums[b]);
            }
        });
    }
    // Row by row through the thread's own part of the shared memory: y.put is too long to be unrolled.
    TAPER_FN void finish(const Tile& at, int thread, Shared& shared, const State& state) const {
        Sum* const sums = shared.row[thread];
        TAPER_NO_UNROLL
        for (int a = 0; a < side; ++a) {
            TAPER_UNROLL
            for (int r = 0; r < side; ++r) {
                if (r != a) continue;
                TAPER_UNROLL
                for (int b = 0; b < side; ++b) sums[b] = state.sum[r][b];
            }
            TAPER_NO_UNROLL
            for (int b = 0; b < side; ++b) {
                const int i = row(thread) + a, j = column(thread) + b;
                if (!inside(at, i, j)) continue;
                if constexpr (placed)
                    steps.put(y, sums[b], {output(at, i, j), 0});
                else
                    y.put(output(at, i, j), steps.finished(sums[b]));
            }
        }
    }
};

}  // namespace taper::cuda
