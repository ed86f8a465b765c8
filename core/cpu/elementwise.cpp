// Element-wise ops: blocks are decoded to lanes, computed, and rounded into the output; or moved as codes where no arithmetic is needed.
#include <taper/core/cpu/backend.h>
#include <taper/core/cpu/code_facts.h>
#include <taper/core/cpu/exact_ops.h>
#include <taper/core/lanes.h>
#include <taper/core/cpu/operand.h>
#include <taper/core/cpu/unary_table.h>
#include <taper/formats/cpu_level.h>

namespace taper {

const ElementwiseKernels& elementwise_kernels() {
#if defined(TAPER_X86_LEVELS)
    switch (cpu_level()) {
        case CpuLevel::avx512: return avx512::elementwise_kernels();
        case CpuLevel::avx2: return avx2::elementwise_kernels();
        default: break;
    }
#endif
    return plain::elementwise_kernels();
}

namespace {

int at(Unary op) { return static_cast<int>(op); }
int at(Binary op) { return static_cast<int>(op); }

int width_index(const Format& format) {
    const int width = format.storage_bytes();
    return width == 1 ? 0 : width == 2 ? 1 : width == 4 ? 2 : 3;
}

template <class T>
const ElementwiseLoops<T>& loops(Lanes lanes) {
    if constexpr (sizeof(T) == 4) {
        return elementwise_kernels().float32;
    } else {
        return lanes == Lanes::odd ? elementwise_kernels().odd : elementwise_kernels().float64;
    }
}

template <class T>
std::size_t unary_in_lanes(Lanes lanes, Unary op, double a, const Tensor& x, Tensor& y, const RoundingMode& mode) {
    const auto kernel = loops<T>(lanes).unary[at(op)];
    const Reader<T> in(x);
    const Writer<T> out(y, mode);
    return sum_over_blocks(y.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) T x_buffer[lane_block], y_buffer[lane_block];
        T* result = out.place(begin, y_buffer);
        kernel(in.read(begin, count, x_buffer), static_cast<T>(a), result, static_cast<std::size_t>(count));
        return out.finish(begin, count, result);
    });
}

template <class T>
std::size_t binary_in_lanes(Lanes lanes, Binary op, const Tensor& a, const Tensor& b, Tensor& y, const RoundingMode& mode) {
    const auto kernel = loops<T>(lanes).binary[at(op)];
    const Reader<T> a_in(a, y.shape()), b_in(b, y.shape());
    const Writer<T> out(y, mode);
    return sum_over_blocks(y.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) T a_buffer[lane_block], b_buffer[lane_block], y_buffer[lane_block];
        T* result = out.place(begin, y_buffer);
        kernel(a_in.read(begin, count, a_buffer), b_in.read(begin, count, b_buffer), result, static_cast<std::size_t>(count));
        return out.finish(begin, count, result);
    });
}

template <class T>
std::size_t unary_backward_in_lanes(Unary op, double a, const Tensor& saved, const Tensor& dy, Tensor& dx, const RoundingMode& mode) {
    const auto kernel = loops<T>(Lanes::float64).unary_backward[at(op)];
    const Reader<T> saved_in(saved), dy_in(dy);
    const Writer<T> out(dx, mode);
    return sum_over_blocks(dx.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) T v_buffer[lane_block], dy_buffer[lane_block], dx_buffer[lane_block];
        T* result = out.place(begin, dx_buffer);
        kernel(saved_in.read(begin, count, v_buffer), dy_in.read(begin, count, dy_buffer), static_cast<T>(a), result, static_cast<std::size_t>(count));
        return out.finish(begin, count, result);
    });
}

template <class T>
std::size_t binary_backward_in_lanes(Binary op, const Tensor& a, const Tensor& b, const Tensor& dy, int operand, Tensor& dx, const RoundingMode& mode) {
    const auto kernel = loops<T>(Lanes::float64).binary_backward[at(op)][operand];
    const Reader<T> a_in(a, dy.shape()), b_in(b, dy.shape()), dy_in(dy);
    const Writer<T> out(dx, mode);
    return sum_over_blocks(dx.elements(), [&](std::int64_t begin, std::int64_t count) {
        alignas(64) T a_buffer[lane_block], b_buffer[lane_block], dy_buffer[lane_block], dx_buffer[lane_block];
        T* result = out.place(begin, dx_buffer);
        kernel(a_in.read(begin, count, a_buffer), b_in.read(begin, count, b_buffer), dy_in.read(begin, count, dy_buffer), result, static_cast<std::size_t>(count));
        return out.finish(begin, count, result);
    });
}

std::size_t unary_by_table(Unary op, double a, const Tensor& x, Tensor& y, Rounding mode) {
    const auto table = unary_table(op, a, x.format(), y.format(), mode);
    const auto kernel = elementwise_kernels().by_table[width_index(y.format())];
    const int width = y.format().storage_bytes();
    const std::uint8_t* codes = static_cast<const std::uint8_t*>(x.data());
    void* out = y.mutable_data();
    return sum_over_blocks(y.elements(), [&](std::int64_t begin, std::int64_t count) {
        kernel(table->storage.data(), codes + begin, taper::at(out, begin, width), static_cast<std::size_t>(count));
        std::size_t lost = 0;
        for (std::int64_t i = begin; table->makes_nan && i < begin + count; ++i) lost += table->is_lost[codes[i]] ? 1 : 0;
        return lost;
    });
}

// ReLU within one format keeps or clears codes.
bool relu_by_codes(const Tensor& x, Tensor& y) {
    if (x.format() != y.format() || !code_facts(x.format()).ranges) return false;
    const ReluCodes codes = {code_facts(x.format()).negative};
    const auto kernel = elementwise_kernels().relu[width_index(x.format())];
    const int width = x.format().storage_bytes();
    sum_over_blocks(y.elements(), [&](std::int64_t begin, std::int64_t count) {
        kernel(codes, taper::at(x.data(), begin, width), taper::at(y.mutable_data(), begin, width), static_cast<std::size_t>(count));
        return std::size_t{0};
    });
    return true;
}

bool relu_backward_by_codes(const Tensor& saved, const Tensor& dy, Tensor& dx) {
    if (dx.format() != dy.format()) return false;
    const CodeFacts &of_saved = code_facts(saved.format()), &of_dy = code_facts(dy.format());
    if (!of_saved.ranges || !of_dy.ranges) return false;
    const ReluBackwardCodes codes = {of_saved.positive, {of_dy.special[0], of_dy.special[1]}, of_dy.nan};
    const auto kernel = elementwise_kernels().relu_backward[width_index(saved.format())][width_index(dy.format())];
    const int saved_width = saved.format().storage_bytes(), width = dy.format().storage_bytes();
    sum_over_blocks(dx.elements(), [&](std::int64_t begin, std::int64_t count) {
        kernel(codes, taper::at(saved.data(), begin, saved_width), taper::at(dy.data(), begin, width), taper::at(dx.mutable_data(), begin, width),
               static_cast<std::size_t>(count));
        return std::size_t{0};
    });
    return true;
}

bool holds_in_float32(double a) { return static_cast<double>(static_cast<float>(a)) == a; }

}  // namespace

void CpuBackend::unary(Unary op, double a, const Tensor& x, Tensor& y, const RoundingMode& mode) {
    constexpr std::int64_t table_from = 1024;  // elements that pay for a table of one factor
    if (op == Unary::relu && relu_by_codes(x, y)) return;
    const bool has_factor = op == Unary::scale || op == Unary::leaky_relu;
    if (x.format().bits() <= 8 && mode.mode != Rounding::stochastic && (!has_factor || x.elements() >= table_from)) {
        return count_nan(unary_by_table(op, a, x, y, mode.mode));
    }
    switch (const Lanes lanes = lanes_of(op, a, x.format(), y.format(), mode.mode)) {
        case Lanes::float32: return count_nan(unary_in_lanes<float>(lanes, op, a, x, y, mode));
        case Lanes::exact: return count_nan(exact_unary(op, a, x, y, mode));
        default: return count_nan(unary_in_lanes<double>(lanes, op, a, x, y, mode));
    }
}

void CpuBackend::binary(Binary op, const Tensor& a, const Tensor& b, Tensor& y, const RoundingMode& mode) {
    switch (const Lanes lanes = lanes_of(op, a.format(), y.format(), mode.mode)) {
        case Lanes::float32: return count_nan(binary_in_lanes<float>(lanes, op, a, b, y, mode));
        case Lanes::exact: return count_nan(exact_binary(op, a, b, y, mode));
        default: return count_nan(binary_in_lanes<double>(lanes, op, a, b, y, mode));
    }
}

void CpuBackend::unary_backward(Unary op, double a, const Tensor& saved, const Tensor& dy, Tensor& dx, const RoundingMode& mode) {
    const Tensor& v = saves(op) == Saves::nothing ? dy : saved;  // such a derivative reads nothing
    if (op == Unary::relu && relu_backward_by_codes(v, dy, dx)) return;
    if (gradient_in_float32({v.format(), dy.format(), dx.format()}) && holds_in_float32(a)) {
        count_nan(unary_backward_in_lanes<float>(op, a, v, dy, dx, mode));
    } else {
        count_nan(unary_backward_in_lanes<double>(op, a, v, dy, dx, mode));
    }
}

void CpuBackend::binary_backward(Binary op, const Tensor& a, const Tensor& b, const Tensor& dy, int operand, Tensor& dx, const RoundingMode& mode) {
    if (gradient_in_float32({a.format(), b.format(), dy.format(), dx.format()})) {
        count_nan(binary_backward_in_lanes<float>(op, a, b, dy, operand, dx, mode));
    } else {
        count_nan(binary_backward_in_lanes<double>(op, a, b, dy, operand, dx, mode));
    }
}

}  // namespace taper
