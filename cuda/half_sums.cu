// Sums rounded to fp16 or bf16 at every step, two at a time: the hardware's fused multiply-adds round the exact a b + s once.
#include <taper/cuda/half.h>
#include <taper/cuda/sum_problem.h>

namespace taper::cuda {

namespace {

constexpr int eight = 8;  // elements of an access to memory

struct alignas(2 * eight) Eight {
    std::uint16_t half[eight];
};
struct Pairs {
    std::uint32_t pair[eight / 2];
    TAPER_FN std::uint32_t half(int i) const { return pair[i / 2] >> (16 * (i % 2)) & 0xffff; }
};

// How a side is read, eight elements a thread: along the terms of a line, or along the lines of a term.  whole: as one access, which is aligned.
struct Reading {
    bool along_terms, whole;
};

template <class Half>
Reading reading_of(const SumSideShape& shape, const SumSide<Half>& side, const std::vector<SumBase>& batch, std::int64_t SumBase::*base) {
    const auto together = [](const Grid& g) { return g.axis[g.axes - 1].stride == 1; };
    const auto eights = [](const Grid& g, int axes) {  // are the offsets of all but the inner axes multiples of 8?
        return g.first % eight == 0 && std::all_of(g.axis, g.axis + axes, [](const Grid::Axis& a) { return a.stride % eight == 0; });
    };
    const bool along_terms = together(shape.term) && !together(shape.line);
    const Grid &along = along_terms ? shape.term : shape.line, &across = along_terms ? shape.line : shape.term;
    const bool aligned = reinterpret_cast<std::uintptr_t>(side.values) % alignof(Eight) == 0
                         && std::all_of(batch.begin(), batch.end(), [&](const SumBase& b) { return b.*base % eight == 0; });
    return {along_terms,
            aligned && together(along) && along.axis[along.axes - 1].size % eight == 0 && eights(along, along.axes - 1) && eights(across, across.axes)};
}

// Tiles of 128 x 128 outputs, 8 x 8 sums a thread, as TiledSums has them; terms that come next are read while those at hand are added.
template <class Half>
struct HalfSums {
    static constexpr int threads = 256, tile = 128, depth = 16, side = eight, across = tile / side;
    struct Terms {
        alignas(Eight) std::uint16_t left[depth][tile];
        alignas(Eight) std::uint16_t right[depth][tile];
    };
    union Shared {
        Terms terms;
        Pairs row[threads];  // of each thread's sums, at the end
    };
    struct State {
        Pairs sum[side], left, right;
        std::int64_t entry, i0, j0;
    };
    // Beyond the last term: -0 times 0, which leaves a sum as it is, also one of -0.
    static constexpr std::uint32_t left_end = 0x8000, right_end = 0;

    DeviceSums<Half> shape;
    Reading left, right;
    const Half* bias;  // of each row or column, or null
    Result y;

    std::int64_t blocks() const { return shape.batch * tiles(shape.rows) * tiles(shape.columns); }
    TAPER_FN static std::int64_t tiles(std::int64_t n) { return (n + tile - 1) / tile; }
    TAPER_FN int phases(std::int64_t) const { return static_cast<int>(2 * ((shape.terms + depth - 1) / depth)) + 2; }

    // Phase 0 starts the sums; then terms are stored and added in turn; the last rounds.
    TAPER_FN void phase(int phase, std::int64_t block, int thread, Shared& shared, State& state) const {
        const std::int64_t k0 = static_cast<std::int64_t>(phase / 2) * depth;  // of the terms to read
        if (phase == 0) start(block, thread, state);
        if (phase == phases(block) - 1) return finish(thread, shared, state);
        if (phase % 2 == 1) {
            store(left.along_terms, thread, state.left, shared.terms.left);
            store(right.along_terms, thread, state.right, shared.terms.right);
            return;
        }
        const SumBase& base = shape.bases[state.entry];
        state.left = read(shape.left, left, base.left, {state.i0, shape.rows}, k0, thread, left_end);
        state.right = read(shape.right, right, base.right, {state.j0, shape.columns}, k0, thread, right_end);
        if (phase > 0) compute(thread, shared, state);
    }

  private:
    struct Lines {
        std::int64_t first, end;
    };
    TAPER_FN static int line_of(bool along_terms, int thread) { return along_terms ? thread % tile : thread % (tile / eight) * eight; }
    TAPER_FN static int term_of(bool along_terms, int thread) { return along_terms ? thread / tile * eight : thread / (tile / eight); }

    TAPER_FN void start(std::int64_t block, int thread, State& state) const {
        const std::int64_t across_tiles = tiles(shape.columns), down_tiles = tiles(shape.rows);
        state.j0 = block % across_tiles * tile;
        state.i0 = block / across_tiles % down_tiles * tile;
        state.entry = block / across_tiles / down_tiles;
        TAPER_UNROLL
        for (int a = 0; a < side; ++a) {
            state.sum[a] = {};
            TAPER_UNROLL
            for (int b = 0; b < side; ++b) {
                const std::int64_t i = state.i0 + thread / across * side + a, j = state.j0 + thread % across * side + b;
                if (bias != nullptr && i < shape.rows && j < shape.columns)
                    state.sum[a].pair[b / 2] |= std::uint32_t{bias[shape.bias_at(state.entry, i, j)].bits} << (16 * (b % 2));
            }
        }
    }
    TAPER_FN Pairs read(const SumSide<Half>& from, Reading reading, std::int64_t base, Lines lines, std::int64_t k0, int thread, std::uint32_t end) const {
        const std::int64_t line = lines.first + line_of(reading.along_terms, thread), k = k0 + term_of(reading.along_terms, thread);
        Pairs x = {};
        if (reading.whole && line < lines.end && k < shape.terms) return bits_as<Pairs>(*reinterpret_cast<const Eight*>(&from.at(base, line, k)));
        TAPER_UNROLL
        for (int e = 0; e < eight; ++e) {
            const std::int64_t i = line + (reading.along_terms ? 0 : e), t = k + (reading.along_terms ? e : 0);
            const std::uint32_t half = i < lines.end && t < shape.terms ? from.at(base, i, t).bits : end;
            x.pair[e / 2] |= half << (16 * (e % 2));
        }
        return x;
    }
    TAPER_FN static void store(bool along_terms, int thread, const Pairs& x, std::uint16_t (&to)[depth][tile]) {
        const int line = line_of(along_terms, thread), k = term_of(along_terms, thread);
        if (!along_terms) {
            *reinterpret_cast<Eight*>(&to[k][line]) = bits_as<Eight>(x);
            return;
        }
        TAPER_UNROLL
        for (int e = 0; e < eight; ++e) to[k + e][line] = static_cast<std::uint16_t>(x.half(e));
    }
    TAPER_FN void compute(int thread, const Shared& shared, State& state) const {
        const int row = thread / across * side, column = thread % across * side;
        TAPER_UNROLL
        for (int k = 0; k < depth; ++k) {
            const Pairs a = bits_as<Pairs>(*reinterpret_cast<const Eight*>(&shared.terms.left[k][row]));
            const Pairs b = bits_as<Pairs>(*reinterpret_cast<const Eight*>(&shared.terms.right[k][column]));
            TAPER_UNROLL
            for (int i = 0; i < side; ++i) {
                TAPER_UNROLL
                for (int j = 0; j < side / 2; ++j) state.sum[i].pair[j] = fused_pair<Half>(doubled(a.pair[i / 2], i % 2), b.pair[j], state.sum[i].pair[j]);
            }
        }
    }
    // Row by row through the thread's own part of the shared memory: registers have no index, and y.put is too long to be unrolled.
    TAPER_FN void finish(int thread, Shared& shared, const State& state) const {
        Pairs& row = shared.row[thread];
        TAPER_NO_UNROLL
        for (int a = 0; a < side; ++a) {
            TAPER_UNROLL
            for (int r = 0; r < side; ++r) {
                if (r == a) row = state.sum[r];
            }
            TAPER_NO_UNROLL
            for (int b = 0; b < side; ++b) {
                const std::int64_t i = state.i0 + thread / across * side + a, j = state.j0 + thread % across * side + b;
                if (i < shape.rows && j < shape.columns) y.put(shape.output(state.entry, i, j), value_of_half<Half>(row.half(b)));
            }
        }
    }
};

template <class Half>
void round_bias(Runtime& runtime, std::int64_t n, const Input bias, const DeviceFormat format, Half* values) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { values[i] = {static_cast<std::uint16_t>(format.pack(bias.exact(i), Rounding::nearest, 0))}; });
}

template <class Half>
bool run(Runtime& runtime, const SumCall& call) {
    const SumProblem<Half> problem(runtime, call);
    const DeviceSums<Half> shape = problem.sums();
    const Buffer<Half> bias(runtime, call.bias.defined() ? call.bias.elements() : 0);
    if (shape.has_bias()) round_bias<Half>(runtime, call.bias.elements(), shape.bias, device_format(runtime, call.accumulator.format()), bias.data());
    const Reading left = reading_of<Half>(call.shape.left, shape.left, call.shape.batch, &SumBase::left),
                  right = reading_of<Half>(call.shape.right, shape.right, call.shape.batch, &SumBase::right);
    const HalfSums<Half> sums{shape, left, right, shape.has_bias() ? bias.data() : nullptr, Result(runtime, call.y, call.epilogue)};
    for_blocks(runtime, sums.blocks(), sums);
    return true;
}

// float32 between changes nothing where a b has no more than the p significant bits of the format.  Where it rounds s + a b, one of the two lies
// so far below the other, 24 - p bits and more, that the sum stays off the midpoints that decide r; 24 >= 2 p + 1 (Figueroa 1995).  A sum below
// the format's normal numbers is exact in float32, or s and a rest too small for r to see.
bool steps_are_fused(const SumCall& call, int significand_bits) {
    const Accumulator& a = call.accumulator;
    if (a.draws()) return false;
    if (a.kind() == Accumulator::Kind::rounded) return !a.product();
    return a.kind() == Accumulator::Kind::rounded_f32 && call.left.format().significand_bits() + call.right.format().significand_bits() <= significand_bits;
}

}  // namespace

bool half_sums(Runtime& runtime, const SumCall& call) {
    const Format &left = call.left.format(), &right = call.right.format(), &sums = call.accumulator.format();
    if (sums == Format::minifloat(5, 10) && left.exact_in_float16() && right.exact_in_float16() && steps_are_fused(call, 11))
        return run<Float16>(runtime, call);
    if (sums == Format::minifloat(8, 7) && left.exact_in_bfloat16() && right.exact_in_bfloat16() && steps_are_fused(call, 8))
        return run<Bfloat16>(runtime, call);
    return false;
}

}  // namespace taper::cuda
