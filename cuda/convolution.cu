#include <taper/cuda/convolution.h>

#include <limits>

#include <taper/cuda/array_convert.h>
#include <taper/cuda/divisor.h>
#include <taper/cuda/moments.h>
#include <taper/cuda/tensor_sums.h>

namespace taper::cuda {

namespace {

using Kind = Decoding::Kind;

// A NaN of the left operand makes all sums of its line NaN, also where it meets padding only, which the library may pass over.  Element i of the
// operand is of line i / outer * lines_of_outer + i / inner % lines.
struct LeftLines {
    Divisor outer;
    std::int64_t lines_of_outer;
    Divisor inner, lines;
    TAPER_FN std::int64_t operator()(std::int64_t i) const { return i / outer * lines_of_outer + i / inner % lines; }
};

LeftLines left_lines(const ConvSizes& z, ConvDirection direction) {
    constexpr std::int64_t all = std::numeric_limits<std::int64_t>::max();
    switch (direction) {
        case ConvDirection::forward: return {all, 0, z.c * z.r * z.s, z.groups * z.o};
        case ConvDirection::backward_data: return {z.weights_of_group(), z.c, z.r * z.s, z.c};
        default: return {all, 0, z.p * z.q, z.groups * z.o};
    }
}

bool meets_padding(const ConvSizes& z, ConvDirection direction) {
    return z.padding > 0 || (direction == ConvDirection::backward_data && (z.stride > 1 || z.r * z.s > 1));
}

void mark_lines(Runtime& runtime, std::int64_t n, const Input left, const LeftLines line, std::uint8_t* spoilt) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) {
        const float x = left.at<float>(i);
        if (x != x) spoilt[line(i)] = 1;
    });
}

// How a sum becomes an element of y [outer, channels, pixels].
struct Finish {
    std::int64_t outer;
    Divisor channels, pixels;
    Input bias;                   // of each channel, or none
    const std::uint8_t* spoilt;   // lines whose sums are NaN, or null
    bool lines_of_outer;          // else of channels
    Result y;

    TAPER_FN std::int64_t index(std::int64_t o, std::int64_t c, std::int64_t p) const { return (o * channels + c) * pixels + p; }
    TAPER_FN float whole(std::int64_t o, std::int64_t c, float sum) const {
        if (bias.codes != nullptr) sum = sum + bias.at<float>(c);
        if (spoilt != nullptr && spoilt[lines_of_outer ? o : c] != 0) sum = bits_as<float>(Lane<float>::quiet_nan);
        return sum;
    }
    TAPER_FN void operator()(std::int64_t o, std::int64_t c, std::int64_t p, float sum) const { y.put(index(o, c, p), whole(o, c, sum)); }
    // The value that the element is rounded to, of a format that float32 holds.
    TAPER_FN float value(std::int64_t o, std::int64_t c, std::int64_t p, float sum) const {
        return value_of<float>(y.format, y.code(index(o, c, p), whole(o, c, sum)));
    }
};

void finish_as_they_lie(Runtime& runtime, const float* sums, const Finish finish) {
    for_each(runtime, finish.outer * finish.channels * finish.pixels, TAPER_BODY(std::int64_t i) {
        const std::int64_t plane = i / finish.pixels, outer = plane / finish.channels;
        finish(outer, plane - outer * finish.channels, i - plane * finish.pixels, sums[i]);
    });
}

// Of sums [outer, pixels, padded], by tiles through shared memory so that both sides are read and written in lines.
struct FinishChannelsLast {
    static constexpr int threads = 256, side = 64;
    struct Shared {
        float value[side][side + 1];  // [pixel][channel]
    };
    struct State {};

    const float* sums;
    std::int64_t padded;
    Finish finish;

    TAPER_FN static std::int64_t tiles(std::int64_t n) { return (n + side - 1) / side; }
    TAPER_FN std::int64_t blocks() const { return finish.outer * tiles(finish.channels) * tiles(finish.pixels); }
    TAPER_FN int phases(std::int64_t) const { return 2; }
    TAPER_FN void phase(int phase, std::int64_t block, int thread, Shared& shared, State&) const {
        const std::int64_t across = tiles(finish.pixels), down = tiles(finish.channels);
        const std::int64_t p0 = block % across * side, c0 = block / across % down * side, o = block / across / down;
        for (int i = thread; i < side * side; i += threads) {
            const int slow = i / side, fast = i % side;
            const std::int64_t p = p0 + (phase == 0 ? slow : fast), c = c0 + (phase == 0 ? fast : slow);
            if (p >= finish.pixels || c >= finish.channels) continue;
            if (phase == 0)
                shared.value[slow][fast] = sums[(o * finish.pixels + p) * padded + c];
            else
                finish(o, c, p, shared.value[fast][slow]);
        }
    }
};

// The same, with the sums that the moments by channel are made of (moments.h): a block has one block of 4096 elements of 32 channels, a thread a lane of
// one channel.
struct FinishWithMoments {
    static constexpr int threads = 256, side = 32, step = 64;
    struct Shared {
        float value[step][side + 4];  // [element][channel], so that a warp's threads, eight elements of four channels, are in banks of their own
    };
    struct State {
        float pivot;
        TwoSums sum;
    };

    const float* sums;
    std::int64_t padded;
    Finish finish;
    TwoSums* lanes;

    TAPER_FN std::int64_t length() const { return finish.outer * finish.pixels; }
    std::int64_t blocks() const { return blocks_of(length()) * across(); }
    TAPER_FN std::int64_t across() const { return (finish.channels + side - 1) / side; }
    TAPER_FN int phases(std::int64_t block) const {  // a load and a computation for each step; the last keeps the sums
        const std::int64_t left = length() - block / across() * sum_block, elements = left < sum_block ? left : sum_block;
        return static_cast<int>(2 * ((elements + step - 1) / step)) + 1;
    }
    TAPER_FN void phase(int phase, std::int64_t block, int thread, Shared& shared, State& state) const {
        const std::int64_t run = block / across(), c0 = block % across() * side, c = c0 + thread / sum_lanes;
        const std::int64_t first = run * sum_block + phase / 2 * step, end = length();
        if (phase == phases(block) - 1) {
            if (c < finish.channels) lanes[(c * ((end + sum_block - 1) / sum_block) + run) * sum_lanes + thread % sum_lanes] = state.sum;
            return;
        }
        if (phase == 0) state = {c < finish.channels ? finish.value(0, c, 0, sums[c]) : 0, {}};
        if (phase % 2 == 0) {
            for (int i = thread; i < step * side; i += threads) {
                const std::int64_t k = first + i / side, channel = c0 + i % side;
                if (k < end && channel < finish.channels) shared.value[i / side][i % side] = sums[k * padded + channel];
            }
            return;
        }
        if (c >= finish.channels) return;
        TAPER_NO_UNROLL
        for (int j = 0; j < step / sum_lanes; ++j) {
            const int at = j * static_cast<int>(sum_lanes) + thread % static_cast<int>(sum_lanes);
            const std::int64_t k = first + at, o = k / finish.pixels, p = k - o * finish.pixels;
            if (k >= end) break;
            const float sum = finish.whole(o, c, shared.value[at][thread / sum_lanes]);
            const std::uint64_t code = finish.y.code(finish.index(o, c, p), sum);
            finish.y.lose(sum != sum);
            store_code(finish.y.codes, finish.y.format.bytes, finish.index(o, c, p), code);
            const double d = static_cast<double>(value_of<float>(finish.y.format, code)) - static_cast<double>(state.pivot);
            state.sum += TwoSums{d, d * d};
        }
    }
};

// Tensors of one convolution as the library takes them: [outer, channels, pixels], channels perhaps padded.
struct Extent {
    std::int64_t outer, channels, pixels, padded;
    std::int64_t elements() const { return outer * padded * pixels; }
    Decoding decoding(Kind kind) const { return kind == Kind::float32 ? Decoding{kind} : Decoding{kind, channels, pixels, padded}; }
};

struct Extents {
    Extent x, weights, y;
    // Tensor cores want input channels in eights; zeros there change no sum.
    Extents(const ConvSizes& z, bool pads)
        : x{z.n, z.groups * z.c, z.h * z.w, z.groups * z.c}, weights{z.groups * z.o, z.c, z.r * z.s, z.c}, y{z.n, z.groups * z.o, z.p * z.q, z.groups * z.o} {
        if (pads && z.groups == 1) x.padded = weights.padded = padded_terms(z.c, bfloat16_multiple);
    }
    const Extent& result(ConvDirection d) const { return d == ConvDirection::forward ? y : d == ConvDirection::backward_data ? x : weights; }
};

ConvProblem problem_of(const ConvSizes& z, ConvDirection direction, Kind kind, const Extents& e) {
    return {direction, kind == Kind::bfloat16, z.n, e.x.padded, z.h, z.w, e.y.padded, z.r, z.s, z.p, z.q, z.stride, z.padding, z.dilation, z.groups};
}

// A block has 4096 elements to work through: it takes one for each processor, or they are formed behind.
bool moments_pay(Runtime& runtime, const Extent& out, const Format& y) {
    return y.exact_in_float32() && out.channels * blocks_of(out.outer * out.pixels) >= pays_from(FinishWithMoments::side * runtime.processors(), 1);
}

void form_moments(Runtime& runtime, const SumCall& call, std::int64_t channels, const TwoSums* lanes) {
    const auto empty = [&] { return Tensor::empty({channels}, Format::float64(), call.y.device()); };
    *call.moments = core::Moments{empty(), empty()};
    moments_of_lanes(runtime, call.y, lanes, **call.moments);
}

bool convolve(Runtime& runtime, const SumCall& call, const ConvSizes& z, ConvDirection direction, Kind kind) {
    const Extents e(z, kind == Kind::bfloat16);
    const Extent& out = e.result(direction);
    for (const Extent* tensor : {&e.x, &e.weights, &e.y})
        if (tensor->elements() > std::numeric_limits<std::int32_t>::max()) return false;
    const ConvProblem problem = problem_of(z, direction, kind, e);
    if (!cudnn_has_plan(runtime, problem)) return false;
    const bool weights_left = direction != ConvDirection::backward_weights, reads_x = direction != ConvDirection::backward_data;
    const Decoded left = call.decoded.get(call.left, (weights_left ? e.weights : e.y).decoding(kind));
    const Decoded right = call.decoded.get(call.right, (reads_x ? e.x : e.y).decoding(kind));
    const bool marks = call.left.format().has_nan() && meets_padding(z, direction);
    const bool in_place = kind == Kind::float32 && call.y.format() == Format::float32() && !call.bias.defined() && !marks && !call.epilogue.relu;
    const Buffer<float> sums(runtime, in_place ? 0 : out.elements());
    float* const to = in_place ? static_cast<float*>(call.y.mutable_data()) : sums.data();
    const ConvTensors tensors = direction == ConvDirection::forward         ? ConvTensors{right.data, left.data, to}
                                : direction == ConvDirection::backward_data ? ConvTensors{to, left.data, right.data}
                                                                            : ConvTensors{right.data, to, left.data};
    cudnn_convolution(runtime, problem, tensors);
    if (in_place) return true;
    const std::int64_t lines = weights_left ? out.channels : out.outer;
    const Buffer<std::uint8_t> spoilt(runtime, marks ? lines : 0);
    if (marks) {
        runtime.zero(spoilt.data(), static_cast<std::size_t>(lines));
        mark_lines(runtime, call.left.elements(), Input(runtime, call.left), left_lines(z, direction), spoilt.data());
    }
    Finish finish{out.outer, out.channels, out.pixels, {}, marks ? spoilt.data() : nullptr, !weights_left, Result(runtime, call.y, call.epilogue)};
    if (call.bias.defined()) finish.bias = Input(runtime, call.bias);
    if (kind == Kind::float32) {
        finish_as_they_lie(runtime, sums.data(), finish);
    } else if (call.moments != nullptr && moments_pay(runtime, out, call.y.format())) {
        const Buffer<TwoSums> lanes(runtime, out.channels * blocks_of(out.outer * out.pixels) * sum_lanes);
        const FinishWithMoments tiles{sums.data(), out.padded, finish, lanes.data()};
        for_blocks(runtime, tiles.blocks(), tiles);
        form_moments(runtime, call, out.channels, lanes.data());
    } else {
        const FinishChannelsLast tiles{sums.data(), out.padded, finish};
        for_blocks(runtime, tiles.blocks(), tiles);
    }
    return true;
}

}  // namespace

bool library_convolution(Runtime& runtime, const SumCall& call, const ConvSizes& z, ConvDirection direction) {
    const Format &left = call.left.format(), &right = call.right.format();
    const bool biased_wide = call.bias.defined() && !call.bias.format().exact_in_float32();
    if (call.accumulator.kind() != Accumulator::Kind::float32 || !left.exact_in_float32() || !right.exact_in_float32() || biased_wide) return false;
    if (!pays(static_cast<std::int64_t>(call.shape.batch.size()) * call.shape.rows() * call.shape.columns() * call.shape.terms())) return false;
    const bool narrow = left.exact_in_bfloat16() && right.exact_in_bfloat16();
    if (narrow && convolve(runtime, call, z, direction, Kind::bfloat16)) return true;
    if (z.groups == 1 && (narrow || (fits_pairs(left) && fits_pairs(right)))) return false;  // laid out, on the tensor cores
    return convolve(runtime, call, z, direction, Kind::float32);
}

}  // namespace taper::cuda
