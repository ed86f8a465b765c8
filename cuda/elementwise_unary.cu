// Element-wise ops of one operand: in the lanes that give one correct rounding (core/lanes.h), by a table from code to code, or on exact numbers.
#include <taper/core/cpu/unary_table.h>
#include <taper/core/lanes.h>
#include <taper/core/odd_forms.h>
#include <taper/cuda/backend.h>
#include <taper/cuda/element_io.h>
#include <taper/cuda/fours.h>
#include <taper/formats/arithmetic.h>

namespace taper::cuda {

namespace {

template <class Form, class T>
void unary_each(Runtime& runtime, std::int64_t n, const Input x, T a, const Result y) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { y.put(i, Form::forward(x.at<T>(i), a)); });
}

template <class Code>
struct Lookup {
    const Code* table;
    TAPER_FN Code operator()(std::uint8_t code) const { return table[code]; }
};

template <class Code>
void by_table(Runtime& runtime, std::int64_t n, const std::uint8_t* x, const Code* table, Code* y) {
    convert_array(runtime, n, x, y, Lookup<Code>{table});
}

void count_lost(Runtime& runtime, std::int64_t n, const std::uint8_t* x, const std::uint8_t* is_lost, const Result y) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { y.lose(is_lost[x[i]] != 0); });
}

void unary_by_table(Runtime& runtime, Unary op, double a, const Tensor& x, Tensor& y, Rounding mode) {
    const auto table = unary_table(op, a, x.format(), y.format(), mode);
    const std::size_t codes = std::size_t{1} << x.format().bits(), width = static_cast<std::size_t>(y.format().storage_bytes());
    const Buffer<std::uint64_t> entries(runtime, 256);
    runtime.copy_in(table->storage.data(), entries.data(), codes * width);
    const std::uint8_t* const from = static_cast<const std::uint8_t*>(x.data());
    switch (width) {
        case 1: by_table(runtime, x.elements(), from, reinterpret_cast<const std::uint8_t*>(entries.data()), static_cast<std::uint8_t*>(y.mutable_data())); break;
        case 2: by_table(runtime, x.elements(), from, reinterpret_cast<const std::uint16_t*>(entries.data()), static_cast<std::uint16_t*>(y.mutable_data())); break;
        case 4: by_table(runtime, x.elements(), from, reinterpret_cast<const std::uint32_t*>(entries.data()), static_cast<std::uint32_t*>(y.mutable_data())); break;
        default: by_table(runtime, x.elements(), from, entries.data(), static_cast<std::uint64_t*>(y.mutable_data()));
    }
    if (!table->makes_nan) return;
    const std::vector<std::uint8_t> flags(table->is_lost.begin(), table->is_lost.end());
    const Buffer<std::uint8_t> is_lost(runtime, 256);
    runtime.copy_in(flags.data(), is_lost.data(), flags.size());
    count_lost(runtime, x.elements(), from, is_lost.data(), Result(runtime, y, RoundingMode{}));
}

// The exact result, or its first bits and a sticky one; of exp, log, tanh and sigmoid float64's.
template <class Op>
TAPER_CALLED Unpacked exact_forward(const Unpacked& x, double a) {
    using namespace elementwise;
    const Unpacked one = {Kind::finite, false, false, 0, std::uint64_t{1} << 63};
    const bool below_zero = x.negative && x.kind != Kind::zero;
    if (x.kind == Kind::nan) return x;
    if constexpr (std::is_same_v<Op, Neg>) return negated(x);
    if constexpr (std::is_same_v<Op, Abs>) return x.negative ? negated(x) : x;
    if constexpr (std::is_same_v<Op, Square>) return exact_mul(x, x);
    if constexpr (std::is_same_v<Op, Sqrt>) return exact_sqrt(x);
    if constexpr (std::is_same_v<Op, Reciprocal>) return exact_div(one, x);
    if constexpr (std::is_same_v<Op, Relu>) return below_zero ? unpacked_zero(false) : x;
    if constexpr (std::is_same_v<Op, LeakyRelu>) return below_zero ? exact_mul(unpacked_of(a), x) : x;
    if constexpr (std::is_same_v<Op, Scale>) return exact_mul(unpacked_of(a), x);
    return unpacked_of(OddForm<Op>::forward(double_of(x), a));
}

template <class Op>
void exact_unary_each(Runtime& runtime, std::int64_t n, const Input x, double a, const Result y) {
    for_each(runtime, n, TAPER_BODY(std::int64_t i) { y.put(i, exact_forward<Op>(x.exact(i), a)); });
}

}  // namespace

void CudaBackend::unary(Unary op, double a, const Tensor& x, Tensor& y, const RoundingMode& mode) {
    constexpr std::int64_t table_from = 1024;  // elements that pay for a table of one factor
    const bool has_factor = op == Unary::scale || op == Unary::leaky_relu;
    if (x.format().bits() <= 8 && mode.mode != Rounding::stochastic && (!has_factor || x.elements() >= table_from))
        return unary_by_table(runtime_, op, a, x, y, mode.mode);
    const Input in(runtime_, x);
    const Result out(runtime_, y, mode);
    const Lanes lanes = lanes_of(op, a, x.format(), y.format(), mode.mode);
    visit(op, [&](auto form) {
        using Op = decltype(form);
        switch (lanes) {
            case Lanes::float32: return unary_each<Op, float>(runtime_, x.elements(), in, static_cast<float>(a), out);
            case Lanes::float64: return unary_each<Op, double>(runtime_, x.elements(), in, a, out);
            case Lanes::odd: return unary_each<OddForm<Op>, double>(runtime_, x.elements(), in, a, out);
            default: return exact_unary_each<Op>(runtime_, x.elements(), in, a, out);
        }
    });
}

}  // namespace taper::cuda
