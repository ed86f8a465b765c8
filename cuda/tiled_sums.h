// TiledSums: tiles of 128 x 128 outputs, 8 x 8 sums a thread in registers (or 4 x 4, of sums that are more), terms in blocks of 16 through shared memory, k
// ascending.
#pragma once

#include <taper/cuda/sum_problem.h>

namespace taper::cuda {

// An output and a term of its sum.
struct StepPlace {
    std::int64_t output, k;
};

// Steps: void add(Sum&, Value a, Value b), and finished(Sum, i, j), what is rounded into y: a float, a double or an Unpacked.
// Steps that draw: void add(Sum&, Value a, Value b, StepPlace), Sum first(Sum bias, StepPlace), void put(Result, Sum, StepPlace).
// Steps in chunks: bool chunk_ends(k, terms) after term k, and then void close(Sum&).
template <class Value, class Sum, class Steps, int side_ = 8>
struct TiledSums {
    static constexpr int threads = 256, side = side_, across = 16, tile = across * side, depth = 16;
    static constexpr bool draws = requires(const Steps& steps, Sum& sum, Value v, StepPlace at) { steps.add(sum, v, v, at); };
    static constexpr bool chunks = requires(const Steps& steps, Sum& sum) { steps.close(sum); };
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
    const Sum* bias;  // of each row or column, or null
    Result y;

    std::int64_t blocks() const { return shape.batch * tiles(shape.rows) * tiles(shape.columns); }
    TAPER_FN static std::int64_t tiles(std::int64_t n) { return (n + tile - 1) / tile; }
    TAPER_FN std::int64_t depths() const { return (shape.terms + depth - 1) / depth; }
    TAPER_FN int phases(std::int64_t) const { return static_cast<int>(2 * depths()) + 2; }

    // Phase 0 starts the sums; then a load and a computation in turn; the last rounds.
    TAPER_FN void phase(int phase, std::int64_t block, int thread, Shared& shared, State& state) const {
        const std::int64_t across_tiles = tiles(shape.columns), down_tiles = tiles(shape.rows);
        const std::int64_t j0 = block % across_tiles * tile, i0 = block / across_tiles % down_tiles * tile, entry = block / across_tiles / down_tiles;
        if (phase == 0) return start(entry, i0, j0, thread, state);
        const std::int64_t k0 = static_cast<std::int64_t>((phase - 1) / 2) * depth;
        if (phase == phases(block) - 1) return finish(entry, i0, j0, thread, shared, state);
        if (phase % 2 == 1) return load(shape.bases[entry], i0, j0, k0, thread, shared);
        compute({entry, i0, j0}, k0, thread, shared, state);
    }

  private:
    struct Tile {
        std::int64_t entry, i0, j0;
    };
    TAPER_FN std::int64_t output(const Tile& at, int thread, int a, int b) const {  // sums beyond the last row or column go nowhere
        const std::int64_t i = at.i0 + thread / across * side + a, j = at.j0 + thread % across * side + b;
        return shape.output(at.entry, i < shape.rows ? i : shape.rows - 1, j < shape.columns ? j : shape.columns - 1);
    }
    TAPER_FN void start(std::int64_t entry, std::int64_t i0, std::int64_t j0, int thread, State& state) const {
        TAPER_UNROLL
        for (int a = 0; a < side; ++a) {
            TAPER_UNROLL
            for (int b = 0; b < side; ++b) {
                const std::int64_t i = i0 + thread / across * side + a, j = j0 + thread % across * side + b;
                const bool inside = bias != nullptr && i < shape.rows && j < shape.columns;
                state.sum[a][b] = inside ? bias[shape.bias_at(entry, i, j)] : Sum{};
                if constexpr (draws) {
                    if (inside) state.sum[a][b] = steps.first(state.sum[a][b], StepPlace{output({entry, i0, j0}, thread, a, b), 0});
                }
            }
        }
    }
    TAPER_FN void load(const SumBase& base, std::int64_t i0, std::int64_t j0, std::int64_t k0, int thread, Shared& shared) const {
        for (int element = thread; element < depth * tile; element += threads) {
            const int line = element % tile, k = element / tile;
            const bool term = k0 + k < shape.terms;
            shared.terms.left[k][line] = term && i0 + line < shape.rows ? shape.left.at(base.left, i0 + line, k0 + k) : Value(0);
            shared.terms.right[k][line] = term && j0 + line < shape.columns ? shape.right.at(base.right, j0 + line, k0 + k) : Value(0);
        }
    }
    TAPER_FN void compute([[maybe_unused]] const Tile& at, std::int64_t k0, int thread, const Shared& shared, State& state) const {
        const int count = static_cast<int>(shape.terms - k0 < depth ? shape.terms - k0 : depth);
        const int row = thread / across * side, column = thread % across * side;
        for (int k = 0; k < count; ++k) {
            Value a[side], b[side];
            TAPER_UNROLL
            for (int i = 0; i < side; ++i) a[i] = shared.terms.left[k][row + i];
            TAPER_UNROLL
            for (int j = 0; j < side; ++j) b[j] = shared.terms.right[k][column + j];
            TAPER_UNROLL
            for (int i = 0; i < side; ++i) {
                TAPER_UNROLL
                for (int j = 0; j < side; ++j) {
                    if constexpr (draws)
                        steps.add(state.sum[i][j], a[i], b[j], StepPlace{output(at, thread, i, j), k0 + k});
                    else
                        steps.add(state.sum[i][j], a[i], b[j]);
                }
            }
            if constexpr (chunks) {
                if (steps.chunk_ends(k0 + k, shape.terms)) close(state);
            }
        }
    }
    TAPER_FN void close(State& state) const {
        TAPER_UNROLL
        for (int i = 0; i < side; ++i) {
            TAPER_UNROLL
            for (int j = 0; j < side; ++j) steps.close(state.sum[i][j]);
        }
    }
    // Row by row through the thread's own part of the shared memory: registers have no index, and y.put is too long to be unrolled.
    TAPER_FN void finish(std::int64_t entry, std::int64_t i0, std::int64_t j0, int thread, Shared& shared, const State& state) const {
        Sum* const row = shared.row[thread];
        TAPER_NO_UNROLL
        for (int a = 0; a < side; ++a) {
            TAPER_UNROLL
            for (int r = 0; r < side; ++r) {
                if (r != a) continue;
                TAPER_UNROLL
                for (int b = 0; b < side; ++b) row[b] = state.sum[r][b];
            }
            TAPER_NO_UNROLL
            for (int b = 0; b < side; ++b) {
                const std::int64_t i = i0 + thread / across * side + a, j = j0 + thread % across * side + b;
                if (i >= shape.rows || j >= shape.columns) continue;
                if constexpr (draws)
                    steps.put(y, row[b], StepPlace{shape.output(entry, i, j), 0});
                else
                    y.put(shape.output(entry, i, j), steps.finished(row[b], i, j));
            }
        }
    }
};

}  // namespace taper::cuda
